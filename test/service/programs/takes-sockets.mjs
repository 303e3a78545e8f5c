// A child process that receives sockets from its parent, and keeps each of them until its client closes it.
process.on('message', (_message, socket) => {
  socket.on('data', () => {}).on('end', () => socket.end());
  socket.write('from the child');
});
process.on('disconnect', () => process.exit());
