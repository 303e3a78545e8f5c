import { createServer } from 'node:http';
import { serve } from 'libsystemd';
import { Server } from 'socket.io';

const server = createServer();
const io = new Server(server);
io.on('connection', (socket) => socket.on('echo', (text, acknowledge) => acknowledge(text)));
await serve(server, { fallback: { port: 3000 }, drain: () => io.close() });
