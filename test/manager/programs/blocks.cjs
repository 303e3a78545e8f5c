// Blocks the event loop for ever at SIGUSR2.
process.on('SIGUSR2', () => {
  for (;;);
});
