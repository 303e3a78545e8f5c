// A forked child that sends the descriptors that it was passed to its parent.
import { listenFds } from 'libsystemd';

const variables = Object.keys(process.env).filter((name) => name.startsWith('LISTEN_'));
process.send({ variables, passed: listenFds() }, () => process.disconnect());
