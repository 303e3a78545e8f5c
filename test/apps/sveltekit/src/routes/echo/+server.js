// JSON, because SvelteKit refuses a text from another origin as it does a form.
export const POST = async ({ request }) => Response.json(await request.json());
