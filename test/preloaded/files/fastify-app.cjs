// fastify-cli counts the parameters.
module.exports = async (fastify, _options) => {
  fastify.get('/', async () => ({ hello: 'world' }));
};
