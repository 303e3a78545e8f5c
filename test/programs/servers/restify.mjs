import { serve } from 'libsystemd';
import restify from 'restify';

const app = restify.createServer();
app.post('/', (request, response, next) => {
  request.pipe(response).once('finish', next);
});
await serve(app.server, { fallback: { port: 3000 } });
