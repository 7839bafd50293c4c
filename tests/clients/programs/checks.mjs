// Each check prints a line of JSON with its name, and why it failed or null.
export async function check(name, does) {
  let error = null;
  try {
    await does();
  } catch (thrown) {
    error = String(thrown?.stack ?? thrown) || "failed";
  }
  console.log(JSON.stringify({ name, error }));
}

export function equal(found, wanted) {
  const text = (value) => JSON.stringify(value, (_, one) => (typeof one === "bigint" ? `${one}n` : one));
  if (text(found) !== text(wanted)) throw new Error(`found ${text(found)}, not ${text(wanted)}`);
}

export function that(holds, what = "it does not hold") {
  if (!holds) throw new Error(what);
}

/// Waits until `asks` answers something that is true.
export async function eventually(asks, what, deadline = 20_000) {
  for (const end = Date.now() + deadline; Date.now() < end; await new Promise((done) => setTimeout(done, 10))) {
    const found = await asks();
    if (found) return found;
  }
  throw new Error(`${what} did not come`);
}

export async function refused(does, pattern) {
  const error = await does().then(
    () => null,
    (thrown) => thrown,
  );
  that(error, "it was not refused");
  that(pattern.test(String(error.details ?? error.message ?? error)), `refused otherwise: ${error}`);
}
