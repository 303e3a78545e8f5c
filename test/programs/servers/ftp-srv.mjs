import { mkdirSync } from 'node:fs';
import { FtpSrv } from 'ftp-srv';
import { serve } from 'libsystemd';

const root = process.env.STATE_DIRECTORY ?? './files';
mkdirSync(root, { recursive: true });
const ftp = new FtpSrv({
  anonymous: true,
  pasv_url: '127.0.0.1',
  pasv_min: 20_000,
  pasv_max: 20_999,
});
ftp.on('login', (_login, resolve) => resolve({ root }));
await serve(ftp.server, { fallback: { port: 2121 }, signals: 'take' });
