// Rendered at each request, and not at the build.
export const dynamic = 'force-dynamic';

export default function Page() {
  return <p>It is {new Date().toISOString()}</p>;
}
