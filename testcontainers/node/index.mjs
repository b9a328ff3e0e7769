// cfstore, an R2 and Workers KV for tests, as a container of testcontainers. index.d.mts describes it.
import { AbstractStartedContainer, GenericContainer, Wait } from "testcontainers";

const PORT = 9710;
const READ_TIMEOUT_MS = 10_000;

// The line of JSON that `cfstore serve` prints once it listens, whole.
const READY = /^\{.*"R2_SECRET_ACCESS_KEY":.*\}$/m;

export class CfstoreContainer extends GenericContainer {
  constructor(image = process.env.CFSTORE_IMAGE) {
    if (!image) throw new TypeError("the image of cfstore is not known: give it as image, or set CFSTORE_IMAGE");
    super(image);
    this.withExposedPorts(PORT);
    this.withWaitStrategy(Wait.forLogMessage(READY));
    this.withArguments();
  }

  withArguments(...args) {
    return this.withCommand(["--json", "serve", "--listen", `0.0.0.0:${PORT}`, ...args]);
  }

  async start() {
    const started = await super.start();
    return new StartedCfstoreContainer(started, await printedVariables(started));
  }
}

export class StartedCfstoreContainer extends AbstractStartedContainer {
  #variables;

  constructor(started, variables) {
    super(started);
    this.#variables = variables;
  }

  get connection() {
    const endpoint = `http://${this.getHost()}:${this.getMappedPort(PORT)}`;
    const variables = this.#variables;
    return {
      endpoint,
      accountId: variables.R2_ACCOUNT_ID,
      accessKeyId: variables.R2_ACCESS_KEY_ID,
      secretAccessKey: variables.R2_SECRET_ACCESS_KEY,
      bucket: variables.R2_BUCKET_MEDIA,
      apiBaseUrl: `${endpoint}/client/v4`,
      apiToken: variables.CLOUDFLARE_API_TOKEN,
      namespaceId: variables.KV_NAMESPACE_ID,
    };
  }

  get variables() {
    const { endpoint, apiBaseUrl } = this.connection;
    return { ...this.#variables, R2_ENDPOINT: endpoint, CLOUDFLARE_API_BASE_URL: apiBaseUrl };
  }
}

/** What the server printed before it was ready. The logs of a container follow it, so they are read until the line has come. */
async function printedVariables(started) {
  const logs = await started.logs();
  let timer;
  try {
    return await new Promise((resolve, reject) => {
      const missing = () => reject(new Error("the log of the container does not have the variables that `cfstore --json serve` prints"));
      // The logs alone do not keep Node running: the timer does, too.
      timer = setTimeout(missing, READ_TIMEOUT_MS);
      let text = "";
      logs.on("data", (chunk) => {
        text += chunk;
        const printed = text.match(READY);
        if (printed) resolve(JSON.parse(printed[0]));
      });
      logs.on("end", missing);
      logs.on("error", reject);
    });
  } finally {
    clearTimeout(timer);
    logs.destroy();
  }
}
