import { AbstractStartedContainer, GenericContainer, StartedTestContainer } from "testcontainers";

/** What clients need: of R2's S3 API, with region `auto` and path style, and of Workers KV's REST API. */
export interface Connection {
  endpoint: string;
  accountId: string;
  accessKeyId: string;
  secretAccessKey: string;
  bucket: string;
  apiBaseUrl: string;
  apiToken: string;
  namespaceId: string;
}

/** A server with an empty store, the bucket `media` and the namespace `local`. */
export declare class CfstoreContainer extends GenericContainer {
  /** `image`: the image of cfstore. Without it, the variable `CFSTORE_IMAGE` names it; a `TypeError` if that is not set. */
  constructor(image?: string);

  /** The arguments of `cfstore serve`, in place of earlier ones, such as `--r2-as-in-production`. */
  withArguments(...args: string[]): this;

  start(): Promise<StartedCfstoreContainer>;
}

export declare class StartedCfstoreContainer extends AbstractStartedContainer {
  constructor(started: StartedTestContainer, variables: Record<string, string>);

  /** How the server is reached from where the tests run. Its credentials are its own, and random. */
  get connection(): Connection;

  /** The environment of a program that reads the variables of R2 and Cloudflare, such as `cfstore` and wrangler. */
  get variables(): Record<string, string>;
}
