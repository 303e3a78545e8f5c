// A child process that is handed sockets, and keeps each until its client closes it.
process.on('message', (_message, socket) => {
  socket.on('data', () => {}).on('end', () => socket.end());
  socket.write('from the child');
});
process.on('disconnect', () => process.exit());
