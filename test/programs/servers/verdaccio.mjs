import { serve } from 'libsystemd';
import { runServer } from 'verdaccio';

await serve(await runServer('verdaccio.yaml'), { fallback: { port: 4873 } });
