// Paths of cgroups, each with its unit and its user's unit.

type Row = readonly [path: string, system: string | undefined, user?: string | undefined];

export const PATHS: readonly Row[] = [
  ['/init.scope', 'init.scope'],
  ['/web.slice/web-api.slice/my-app@a-b.service', 'my-app@a-b.service'],
  ['/a.slice/b@c@d.service', 'b@c@d.service'],
  ['/a.slice/b@.service', undefined],
  ['/a.slice/@b.service', undefined],
  ['/a.slice/b.sevice', undefined],
  ['/a.slice/b c.service', undefined],
  ['/a.slice', undefined],
  ['/a.slice/x@y.slice', undefined],
  ['/a.slice/plain', undefined],
  // What a service has named below itself is no unit of the manager's.
  ['/a.slice/own.service/sshd.service', 'own.service'],
  ['/a.slice/own.service/b.slice/sshd.service', 'own.service'],
  ['/a.slice/plain/sshd.service', undefined],
  ['/a.slice/_cgroup.service', 'cgroup.service'],
  ['/_cpu.slice/d.mount', 'd.mount'],
  [`/a.slice/${'x'.repeat(247)}.service`, `${'x'.repeat(247)}.service`],
  ['/user.slice/user-1000.slice/session-3.scope', 'session-3.scope'],
  ['/user.slice/user-1000.slice/user@1000.service', 'user@1000.service'],
  [
    '/user.slice/user-1000.slice/user@1000.service/app.slice/mine.service',
    'user@1000.service',
    'mine.service',
  ],
  ['/user.slice/user@x.service/app.slice/mine.service', 'user@x.service'],
  ['/a.slice/own.service/user@0.service/b.service', 'own.service'],
];
