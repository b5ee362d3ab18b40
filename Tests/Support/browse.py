#!/usr/bin/python3
"""Drives a headless Chromium by its DevTools pipe, step by step, with nothing but Python's own library.

    browse.py URL WIDTH HEIGHT PICTURE STEP...

A step is `do:EXPRESSION` (JavaScript in the page), `wait:EXPRESSION` (until it is true, at most 20 s) or `run:COMMAND`
(a shell's). Prints the page's text at the end, and fails at the first step that does, at an exception in the page, or at
anything that the page or the browser logs as an error.
"""
import base64, json, os, signal, subprocess, sys, tempfile, time

# A test's children start with most signals blocked, and a browser ends its own children by signals.
signal.pthread_sigmask(signal.SIG_SETMASK, [])
signal.alarm(100)
url, width, height, picture, *steps = sys.argv[1:]
to_read, to_write = os.pipe()
from_read, from_write = os.pipe()
profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)


def take_places():
    # The pipe's ends stand at 3 and 4; first out of the way, since they may be these numbers already.
    ends = [os.dup2(to_read, 100), os.dup2(from_write, 101)]
    os.dup2(ends[0], 3)
    os.dup2(ends[1], 4)


browser = subprocess.Popen(
    ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
     "--remote-debugging-pipe", f"--user-data-dir={profile.name}", "about:blank"],
    preexec_fn=take_places, close_fds=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    stderr=subprocess.DEVNULL, env={**os.environ, "HOME": profile.name})
os.close(to_read)
os.close(from_write)
answers = os.fdopen(from_read, "rb")
count = 0
pending = b""
faults = []


def receive():
    global pending
    while b"\0" not in pending:
        part = answers.read1(65536)
        if not part:
            sys.exit("the browser ended")
        pending += part
    message, pending = pending.split(b"\0", 1)
    return json.loads(message)


def ask(method, session=None, **parameters):
    global count
    count += 1
    message = {"id": count, "method": method, "params": parameters}
    if session:
        message["sessionId"] = session
    os.write(to_write, json.dumps(message).encode() + b"\0")
    while True:
        answer = receive()
        if answer.get("id") == count:
            if "error" in answer:
                sys.exit(f"{method}: {answer['error']}")
            return answer["result"]
        about = answer.get("params", {})
        if answer.get("method") == "Runtime.exceptionThrown":
            faults.append(json.dumps(about["exceptionDetails"]))
        if answer.get("method") == "Log.entryAdded" and about["entry"]["level"] == "error":
            faults.append(json.dumps(about["entry"]))
        if answer.get("method") == "Runtime.consoleAPICalled" and about["type"] == "error":
            faults.append(json.dumps(about))


def evaluate(expression):
    result = ask("Runtime.evaluate", session, expression=expression, returnByValue=True, awaitPromise=True)
    if "exceptionDetails" in result:
        sys.exit(f"{expression}: {result['exceptionDetails']}")
    return result["result"].get("value")


target = ask("Target.createTarget", url="about:blank")["targetId"]
session = ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
for domain in ["Page", "Runtime", "Log"]:
    ask(f"{domain}.enable", session)
ask("Emulation.setDeviceMetricsOverride", session, width=int(width), height=int(height), deviceScaleFactor=1,
    mobile=int(width) < 600)
ask("Page.navigate", session, url=url)
for step in steps:
    kind, what = step.split(":", 1)
    if kind == "run":
        subprocess.run(what, shell=True, check=True, stdout=subprocess.DEVNULL)
    elif kind == "do":
        evaluate(what)
    else:
        end = time.monotonic() + 20
        while not evaluate(what):
            if time.monotonic() > end:
                sys.exit(f"never true: {what}\n{evaluate('document.body.innerText')}\n{faults}")
            time.sleep(0.1)
image = ask("Page.captureScreenshot", session, format="png")["data"]
with open(picture, "wb") as file:
    file.write(base64.b64decode(image))
# Nothing may stick out at the side, which on a phone means scrolling to read.
wide = evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
print(evaluate("document.body.innerText"))
ask("Browser.close")
browser.wait()
if wide > 0:
    sys.exit(f"the page is {wide} pixels wider than its window")
if faults:
    sys.exit("\n".join(faults))
