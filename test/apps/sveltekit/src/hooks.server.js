process.on('sveltekit:shutdown', (reason) => console.log(`shut down by ${reason}`));
