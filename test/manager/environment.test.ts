// A service's environment under a real manager: child processes, address families, and terminals.
import { expect, test } from 'vitest';
import { describeInBed, puppet, service } from './bed.ts';

const WITHOUT_UNIX = 'RestrictAddressFamilies=AF_INET AF_INET6';
const WITHOUT_NETLINK = 'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6';

const unixSocket = (name: string) => `[Socket]\nListenStream=/run/${name}.sock\nBacklog=7\n`;

const UNITS = {
  'child@.service': puppet('Type=notify', 'NotifyAccess=all', 'WatchdogSec=20'),
  'unreachable.service': service('serve.mjs', 'Type=notify', WITHOUT_UNIX, 'TimeoutStartSec=20'),
  'unreachable.socket': '[Socket]\nListenStream=127.0.0.1:7101\n',
  'families.socket': unixSocket('families'),
  'families.service': service('serve.mjs', 'Type=notify', WITHOUT_NETLINK),
  'network.socket': unixSocket('network'),
  'network.service': service('serve.mjs', 'Type=notify', 'PrivateNetwork=yes'),
  'workers.socket': unixSocket('workers'),
  'workers.service': service(`serve.mjs '{"workers":3}'`, 'Type=notify', WITHOUT_NETLINK),
  'plain.socket': unixSocket('plain'),
  'plain.service': service('serve.mjs', 'Type=notify'),
  'tcp.socket': '[Socket]\nListenStream=127.0.0.1:7102\nBacklog=7\n',
  'tcp.service': service('serve.mjs', 'Type=notify', WITHOUT_NETLINK),
};

/** Runs a child process of the service that tries to notify the manager. */
const CHILD = `
  const source = 'import { notify, watchdog } from "libsystemd"; console.log(JSON.stringify([notify.stopping("By a child"), await notify.barrier(), watchdog.timeout() ?? null]))';
  const run = require('node:util').promisify(require('node:child_process').execFile);
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', source]);
  return JSON.parse(stdout);
`;

describeInBed('the environment under a service manager', [UNITS], (bed) => {
  /** The limit of a listener's accept queue, as ss(8) has it. */
  async function backlogOf(address: string): Promise<string | undefined> {
    const table = await bed().run('ss', '-lxtnH');
    const line = table.split('\n').find((text) => text.includes(address));
    return line?.trim().split(/\s+/)[3];
  }

  test('under NotifyAccess=all a child cannot notify after notify.unsetEnvironment()', async () => {
    await bed().systemctl('start', '--no-block', 'child@a');
    await bed().runInService('child@a', 'notify.ready("Mine"); await notify.barrier();');
    expect(await bed().runInService('child@a', `notify.unsetEnvironment(); ${CHILD}`)).toEqual([
      false,
      false,
      null,
    ]);
    const notifyAgain =
      'return [notify.status("Still mine"), await notify.barrier(), watchdog.timeout()];';
    expect(await bed().runInService('child@a', notifyAgain)).toEqual([true, true, 20_000]);
    expect(await bed().show('child@a')).toMatchObject({
      ActiveState: 'active',
      StatusText: 'Still mine',
    });
    await bed().systemctl('stop', 'child@a');
  });

  test('under NotifyAccess=all a child can otherwise say that the service stops', async () => {
    await bed().systemctl('start', '--no-block', 'child@b');
    await bed().runInService('child@b', 'notify.ready("Mine"); await notify.barrier();');
    expect(await bed().runInService('child@b', CHILD)).toEqual([true, true, null]);
    expect(await bed().show('child@b')).toMatchObject({ StatusText: 'By a child' });
    await bed().systemctl('kill', '--signal=KILL', 'child@b'); // because the manager sends no SIGTERM to a stopping service
  });

  test('without AF_UNIX the start fails at once, and the error names RestrictAddressFamilies=', async () => {
    await bed().systemctl('start', 'unreachable.socket');
    await expect(bed().systemctl('start', 'unreachable.service')).rejects.toThrow();
    expect(await bed().show('unreachable.service')).toMatchObject({ Result: 'exit-code' });
    expect(await bed().journal('unreachable.service')).toMatch(
      /SystemdError: EAFNOSUPPORT: .*RestrictAddressFamilies=.* add AF_UNIX/,
    );
  });

  test.each([
    ['families', /RestrictAddressFamilies=/],
    ['network', /PrivateNetwork=/],
    ['workers', /AF_NETLINK/],
  ])('one warning says that the backlog of a Unix socket is unknown: %s', async (name, reason) => {
    await bed().systemctl('start', `${name}.socket`, `${name}.service`);
    const lines = (await bed().journal(`${name}.service`)).split('\n');
    const warnings = lines.filter((line) => line.includes('[ERR_SYSTEMD_BACKLOG]'));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(`/run/${name}.sock`);
    expect(lines.join('\n')).toMatch(reason);
    // The limit is net.core.somaxconn, as the warning says, and not Node's 511.
    const most = await bed().run('cat', '/proc/sys/net/core/somaxconn');
    expect(await backlogOf(`/run/${name}.sock`)).toBe(most.trim());
    await bed().systemctl('stop', `${name}.socket`, `${name}.service`);
  });

  test.each(['plain', 'tcp'])(
    'a backlog that the kernel reports is kept, without a warning: %s',
    async (name) => {
      await bed().systemctl('start', `${name}.socket`, `${name}.service`);
      expect(await backlogOf(name === 'tcp' ? '127.0.0.1:7102' : `/run/${name}.sock`)).toBe('7');
      expect(await bed().journal(`${name}.service`)).not.toContain('ERR_SYSTEMD_BACKLOG');
      await bed().systemctl('stop', `${name}.socket`, `${name}.service`);
    },
  );

  test('a status cannot control the terminal on which systemctl shows it', async () => {
    const status =
      '\x1b]0;owned\x07\x1b[1A\x1b[2K     Active: \x1b[32mactive\x1b[0m \u202e\u009b31m\u2028\t';
    await bed().systemctl('start', '--no-block', 'child@c');
    await bed().runInService(
      'child@c',
      `notify.ready(${JSON.stringify(status)}); await notify.barrier();`,
    );
    const shown = await bed().systemctl('status', '--no-pager', 'child@c');
    const line = shown.split('\n').find((text) => text.includes('Status:'));
    expect(line).toContain('\\x1b]0;owned\\x07\\x1b[1A');
    expect(line).toContain('\\u{202e}\\x9b31m\\u{2028} ');
    expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    await bed().systemctl('stop', 'child@c');
  });
});
