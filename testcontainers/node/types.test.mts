// Compiled, not run: the types are those of a caller.
import { CfstoreContainer, type Connection } from "cfstore-testcontainers";

export async function connection(): Promise<Connection> {
  await using container = await new CfstoreContainer("cfstore:test").withArguments("--cors-open").withReuse().start();
  const variables: Record<string, string> = container.variables;
  return { ...container.connection, bucket: variables.R2_BUCKET_MEDIA ?? "media" };
}
