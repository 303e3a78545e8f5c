// All functions that have nothing to do without a service manager, and the values that they then return.

/** The source of a program that calls them all. `libsystemd` has to be defined before it; `values` has the results. */
export const NOTHING_TO_DO = `
  const { notify, watchdog, fdStore } = libsystemd;
  const running = watchdog.start({ check: () => false });
  running.stop();
  running[Symbol.dispose]();
  const values = {
    send: notify.send({ ready: true, status: 'x' }, { fds: [0] }),
    text: notify.send('READY=1'),
    ready: notify.ready('x'),
    reloading: notify.reloading(),
    stopping: notify.stopping(),
    status: notify.status('x'),
    extendTimeout: notify.extendTimeout(1000),
    barrier: await notify.barrier(),
    add: fdStore.add('x', 0),
    remove: fdStore.remove('x'),
    take: fdStore.take('x'),
    save: fdStore.save('x', new Uint8Array(1)),
    load: fdStore.load('x'),
    limit: fdStore.limit,
    timeout: watchdog.timeout(),
    ping: watchdog.ping(),
    trigger: watchdog.trigger('x'),
    listenFds: libsystemd.listenFds(),
    named: libsystemd.listenFds('x'),
    listenFd: libsystemd.listenFd(),
    connection: libsystemd.connection(),
  };
`;

/** The expected `values`. */
export const NOTHING_DONE = {
  send: false,
  text: false,
  ready: false,
  reloading: false,
  stopping: false,
  status: false,
  extendTimeout: false,
  barrier: false,
  add: false,
  remove: false,
  take: [],
  save: false,
  load: undefined,
  limit: undefined,
  timeout: undefined,
  ping: false,
  trigger: false,
  listenFds: [],
  named: [],
  listenFd: undefined,
  connection: undefined,
};
