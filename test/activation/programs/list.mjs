// A forked child that sends its parent what it was passed.
import { listenFds } from 'libsystemd';

const variables = Object.keys(process.env).filter((name) => name.startsWith('LISTEN_'));
process.send({ variables, passed: listenFds() }, () => process.disconnect());
