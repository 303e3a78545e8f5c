export default ({ hooks }) => hooks.hook('close', () => console.log('closed'));
