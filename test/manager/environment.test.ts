// What a real manager and a service make of the environment: children, address families, terminals.
import { expect, test } from 'vitest';
import { describeInBed, puppet, service } from './bed.ts';

const WITHOUT_UNIX = 'RestrictAddressFamilies=AF_INET AF_INET6';
const WITHOUT_NETLINK = 'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6';

const backlog = (name: string) => `[Socket]\nListenStream=/run/${name}.sock\nBacklog=7\n`;

const UNITS = {
  'child@.service': puppet('Type=notify', 'NotifyAccess=all', 'WatchdogSec=20'),
  'unreachable.service': service('serve.mjs', 'Type=notify', WITHOUT_UNIX, 'TimeoutStartSec=20'),
  'unreachable.socket': '[Socket]\nListenStream=127.0.0.1:7101\n',
  'families.socket': backlog('families'),
  'families.service': service('serve.mjs', 'Type=notify', WITHOUT_NETLINK),
  'network.socket': backlog('network'),
  'network.service': service('serve.mjs', 'Type=notify', 'PrivateNetwork=yes'),
  'workers.socket': backlog('workers'),
  'workers.service': service(`serve.mjs '{"workers":3}'`, 'Type=notify', WITHOUT_NETLINK),
  'plain.socket': backlog('plain'),
  'plain.service': service('serve.mjs', 'Type=notify'),
  'tcp.socket': '[Socket]\nListenStream=127.0.0.1:7102\nBacklog=7\n',
  'tcp.service': service('serve.mjs', 'Type=notify', WITHOUT_NETLINK),
};

/** A child of the service that would speak for it. */
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

  test('a child of a service speaks for it under NotifyAccess=all, until the variables are taken', async () => {
    await bed().systemctl('start', '--no-block', 'child@a');
    await bed().tell('child@a', 'notify.ready("Mine"); await notify.barrier();');
    expect(await bed().tell('child@a', `notify.unsetEnvironment(); ${CHILD}`)).toEqual([
      false,
      false,
      null,
    ]);
    const told =
      'return [notify.status("Still mine"), await notify.barrier(), watchdog.timeout()];';
    expect(await bed().tell('child@a', told)).toEqual([true, true, 20_000]);
    expect(await bed().show('child@a')).toMatchObject({
      ActiveState: 'active',
      StatusText: 'Still mine',
    });
    await bed().systemctl('stop', 'child@a');
  });

  test('what it would do otherwise: the service is taken for stopping', async () => {
    await bed().systemctl('start', '--no-block', 'child@b');
    await bed().tell('child@b', 'notify.ready("Mine"); await notify.barrier();');
    expect(await bed().tell('child@b', CHILD)).toEqual([true, true, null]);
    expect(await bed().show('child@b')).toMatchObject({ StatusText: 'By a child' });
    await bed().systemctl('kill', '--signal=KILL', 'child@b'); // SIGTERM no longer comes
  });

  test('without AF_UNIX the start fails at once, and the error names the directive', async () => {
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
  ])('a Unix backlog that the kernel does not tell is warned of once: %s', async (name, why) => {
    await bed().systemctl('start', `${name}.socket`, `${name}.service`);
    const lines = (await bed().journal(`${name}.service`)).split('\n');
    const warnings = lines.filter((line) => line.includes('[ERR_SYSTEMD_BACKLOG]'));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(`/run/${name}.sock`);
    expect(lines.join('\n')).toMatch(why);
    // Nor is it Node's: net.core.somaxconn holds, as the warning says.
    const most = await bed().run('cat', '/proc/sys/net/core/somaxconn');
    expect(await backlogOf(`/run/${name}.sock`)).toBe(most.trim());
    await bed().systemctl('stop', `${name}.socket`, `${name}.service`);
  });

  test.each(['plain', 'tcp'])(
    'what the kernel tells is kept, without a warning: %s',
    async (name) => {
      await bed().systemctl('start', `${name}.socket`, `${name}.service`);
      expect(await backlogOf(name === 'tcp' ? '127.0.0.1:7102' : `/run/${name}.sock`)).toBe('7');
      expect(await bed().journal(`${name}.service`)).not.toContain('ERR_SYSTEMD_BACKLOG');
      await bed().systemctl('stop', `${name}.socket`, `${name}.service`);
    },
  );

  test('no status controls the terminal of who looks', async () => {
    const status =
      '\x1b]0;owned\x07\x1b[1A\x1b[2K     Active: \x1b[32mactive\x1b[0m \u202e\u009b31m\u2028\t';
    await bed().systemctl('start', '--no-block', 'child@c');
    await bed().tell('child@c', `notify.ready(${JSON.stringify(status)}); await notify.barrier();`);
    const shown = await bed().systemctl('status', '--no-pager', 'child@c');
    const line = shown.split('\n').find((text) => text.includes('Status:'));
    expect(line).toContain('\\x1b]0;owned\\x07\\x1b[1A');
    expect(line).toContain('\\u{202e}\\x9b31m\\u{2028} ');
    expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    await bed().systemctl('stop', 'child@c');
  });
});
