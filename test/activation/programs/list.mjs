// A forked child that tells its parent what it was passed.
import { listenFds } from 'libsystemd';

const variables = Object.keys(process.env).filter((name) => name.startsWith('LISTEN_'));
process.send({ variables, passed: listenFds() }, () => process.disconnect());
