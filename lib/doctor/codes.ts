// The codes of findings, each with what is wrong where its finding is `bad` or `advice`.

// The table is used as a type only, so the programs in dist/ do not contain the sentences.
// test/cli/doctor.test.ts compares it with docs/cli.md, and with the codes that lib/doctor uses.
export const FINDING_CODES = {
  accept: 'A socket unit with `Accept=yes` starts a service that is no template.',
  address: 'Two socket units listen on one address.',
  backlog: 'Clients are refused during a restart, because the queue of the socket is short.',
  between: 'npm or a shell stands between systemd and node: the sockets are for another process.',
  'daemon-reload': 'The files have changed since systemd read them.',
  dependency: 'A unit that is named does not exist, or is masked.',
  directory: '`WorkingDirectory=` is missing, hidden by `ProtectHome=`, or closed to the user.',
  'environment-file': 'An `EnvironmentFile=` is missing.',
  'fd-store': '`FileDescriptorStoreMax=` is not set, or the store is full.',
  hardening: 'Node ends under a setting, or a part of it fails.',
  libsystemd: 'Functions that libsystemd lacks here are built in.',
  limit: 'Node does not start within a limit, or a part of it fails.',
  'listen-pid': 'The sockets are for another process than node, or `LISTEN_PID` is missing.',
  load: 'systemd would not load the unit, or ignores a line of it.',
  'notify-access': 'systemd does not take the messages of the program.',
  'notify-socket': '`NOTIFY_SOCKET` is not set in this process.',
  pings: 'The last ping is older than three quarters of `WatchdogSec=`.',
  program: 'What `ExecStart=` names is missing, hidden by `ProtectHome=`, or closed to the user.',
  requires: 'A start of the service does not open its sockets.',
  restart: '`Restart=no`: the service stays down when it fails.',
  score: '`systemd-analyze security` says that the service may do much.',
  'socket-state': 'A socket unit is not started, or has failed.',
  sockets: 'Two sockets share a name, or there is no socket unit.',
  state: 'The service has failed, or has not said READY=1; the message says why.',
  stop: 'The program can finish no request when it is stopped.',
  systemd: 'No manager was asked: only files, or only the environment, were read.',
  'trigger-limit': 'A few starts close the socket.',
  type: 'systemd does not wait until the program serves.',
  unit: 'This process is in no service.',
  user: 'The user or the group does not exist.',
  verify: '`systemd-analyze verify` objects.',
  watchdog: '`WatchdogSec=` is not set, or its pings are expected of another process.',
} as const;

/**
 * What a {@link Finding} is about.
 *
 * @useDeclaredType
 */
export type FindingCode = keyof typeof FINDING_CODES;
