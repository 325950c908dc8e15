// Forms that a passkey fills in: the browser asks for it, and its answer is sent as the form's credential.

const known = "PublicKeyCredential" in window && "parseRequestOptionsFromJSON" in PublicKeyCredential;
const given = document.querySelector("#passkey-options");

async function options(form) {
  if (form.dataset.passkey !== "login") return JSON.parse(given.textContent);
  return (await fetch(form.action, { headers: { Accept: "application/json" } })).json();
}

async function credential(form) {
  const asked = await options(form);
  if (form.dataset.passkey !== "create") {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(asked.request_options.publicKey);
    return navigator.credentials.get({ publicKey });
  }
  const wanted = asked.creation_options.publicKey;
  Object.assign(wanted.authenticatorSelection, { residentKey: "required", requireResidentKey: true, userVerification: "required" });
  return navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(wanted) });
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  form.hidden = !known;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const failed = form.querySelector("[data-failed]");
    failed.hidden = true;
    try {
      form.elements.credential.value = JSON.stringify(await credential(form));
      form.submit();
    } catch {
      failed.hidden = false; // left by the person, or no passkey fits
    }
  });
}
for (const note of document.querySelectorAll("[data-no-passkeys]")) note.hidden = known;
