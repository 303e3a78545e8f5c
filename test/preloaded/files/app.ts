import { createServer, type Server } from 'node:http';

enum Answer {
  Hello = 'Hello\n',
}

const server: Server = createServer((_request, response) => response.end(Answer.Hello));
server.listen(Number(process.env['PORT']));
