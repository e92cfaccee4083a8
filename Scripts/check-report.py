#!/usr/bin/env python3
"""Opens the pages of `triad compare --html` in a headless Chromium and sets what they show against traces.

Usage: check-report.py TRIAD [FOLDER]. Needs Debian's chromium and chromium-driver, and selenium and axe-playwright-python
(of which only axe-core is used: without its dependencies) from PyPI. With a folder, pictures of the pages go there.
"""
import importlib.util
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

triad = str(pathlib.Path(sys.argv[1]).resolve())
pictures = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None
work = pathlib.Path(tempfile.mkdtemp())
problems = []
# The package itself would ask for another browser driver.
axe = pathlib.Path(importlib.util.find_spec("axe_playwright_python").submodule_search_locations[0], "axe.min.js").read_text()


def expect(condition, text):
    if not condition:
        problems.append(text)
        print("FAIL:", text)


def run(*words, statuses=(0, 1)):
    done = subprocess.run([triad, *words], capture_output=True, text=True)
    if done.returncode not in statuses:
        sys.exit(f"triad {' '.join(words)}: {done.returncode}\n{done.stderr}")
    return done.stdout


def browser():
    options = webdriver.ChromeOptions()
    for word in ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1400,1800"]:
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)


def opened(driver, page):
    driver.get(page.as_uri())
    end = time.time() + 60
    while driver.execute_script("return document.documentElement.dataset.ready") is None:
        expect(time.time() < end, f"{page.name} does not become ready")
        if time.time() >= end:
            return
        time.sleep(0.05)


def press(driver, key):
    driver.find_element(By.TAG_NAME, "body").send_keys(key)
    time.sleep(0.15)


def picture(driver, name):
    if pictures:
        pictures.mkdir(parents=True, exist_ok=True)
        driver.save_screenshot(str(pictures / f"{name}.png"))


def cursor(driver):
    return int(driver.find_element(By.ID, "where").text.split()[1].replace(",", ""))


def go(driver, clock):
    field = driver.find_element(By.ID, "goto")
    field.clear()
    field.send_keys(str(clock), Keys.TAB)
    time.sleep(0.15)
    driver.execute_script("document.activeElement.blur()")


def registers(driver, engine):
    panel = driver.find_elements(By.CLASS_NAME, "engine")[engine]
    pairs = driver.execute_script(
        "return [...arguments[0].querySelectorAll('.registers > div')].map(d => [...d.children].map(s => s.textContent))",
        panel)
    return {name: int(value, 16) for name, value in pairs}


def replay(trace, clock):
    """Registers after the guest's last event at or before a clock, from a JSON trace."""
    state = {}
    for line in trace.read_text().splitlines()[1:]:
        event = json.loads(line)
        if int(event.get("n", 0)) > clock:
            break
        if event["k"] in ("final", "end", "host"):
            continue
        for name, value in event.get("regs", {}).items():
            state[name] = int(value, 16)
    return state


def quiet(driver, page):
    """No message in the console, and nothing asked for but the page itself."""
    for entry in driver.get_log("browser"):
        expect(False, f"{page.name}: console: {entry['message']}")
    for entry in driver.get_log("performance"):
        event = json.loads(entry["message"])["message"]
        if event["method"] == "Network.requestWillBeSent":
            url = event["params"]["request"]["url"]
            expect(url.startswith(("file://", "data:")) and "page-asks" not in url, f"{page.name} asks for {url}")


def audit(driver, name):
    """The accessibility rules of axe-core."""
    if driver.execute_script("return typeof axe === 'undefined'"):
        driver.execute_script(axe)
    result = driver.execute_async_script("const done = arguments[arguments.length - 1]; axe.run(document).then(done)")
    for found in result["violations"]:
        expect(False, f"{name}: {found['id']}: {found['help']}: {[node['target'] for node in found['nodes'][:3]]}")


def size(driver, width, height=1200):
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                           {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})
    time.sleep(0.2)


def clicked(driver, button):
    # Not by its place: the page may still be scrolling.
    driver.execute_script("arguments[0].click()", button)


def fits(driver, name):
    overflow = driver.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
    expect(overflow <= 0, f"{name}: the page is {overflow} pixels wider than the window")


# A divergence is one key away, at the planted instruction, and both sides are what their traces say.
page = work / "popf.html"
options = ["minos", "--variant", "popf", "--max-instructions", "150000"]
report = json.loads(run("compare", *options, "--json", "--html", str(page)))
driver = browser()
opened(driver, page)
picture(driver, "popf")
press(driver, "d")
here = [row.text for row in driver.find_elements(By.CSS_SELECTOR, ".listing tr.here")]
expect(len(here) == 3 and all("setie r5" in row for row in here), f"d leads to {here}")
expect("idle+4 minos.asm:77" in driver.find_element(By.ID, "where").text, "the place of the divergence")
expect(len(driver.find_elements(By.CSS_SELECTOR, "tr.wrong")) == 1, "one side is marked wrong")
expect(driver.find_elements(By.CLASS_NAME, "differs")[0].text.split() == ["ie", "0x0"], "ie is marked as different")
picture(driver, "popf-divergence")

traces = []
for engine in ("simulator", "virtualizer"):
    traces.append(work / f"{engine}.jsonl")
    run("trace", *options, "--on", engine, "--level", "instructions", "-o", str(traces[-1]), statuses=(0, 4, 5))
random.seed(7)
for clock in [1, 113063, 113064, 2048, 2049] + [random.randrange(1, 122000) for _ in range(12)]:
    go(driver, clock)
    expect(cursor(driver) == clock, f"go to {clock} leads to {cursor(driver)}")
    for engine, trace in ((0, traces[0]), (2, traces[1])):
        shown, true = registers(driver, engine), replay(trace, clock)
        wrong = {name: hex(value) for name, value in true.items() if name in shown and shown[name] != value}
        expect(not wrong, f"clock {clock}, engine {engine}: the trace says {wrong}")
        expect(len(shown) > 10, "registers are shown")

# Every key does something, and the way back leads back.
go(driver, 5000)
press(driver, Keys.ARROW_RIGHT)
expect(cursor(driver) == 5001, "→")
press(driver, Keys.ARROW_LEFT)
expect(cursor(driver) == 5000, "←")
press(driver, "n")
after = cursor(driver)
expect(after > 5000, "n")
press(driver, "p")
expect(cursor(driver) < after, "p")
press(driver, Keys.HOME)
expect(cursor(driver) == 0, "Home")
press(driver, Keys.END)
expect(cursor(driver) == 150000, "End")
for key in "+-0?":
    press(driver, key)
expect(driver.find_element(By.ID, "help").is_displayed(), "? shows the keys")
# The numbers of the tables are those of --json.
virtualizer = report["workloads"][0]["engines"][2]
table = driver.find_element(By.ID, "exits").text.replace(",", "")
for cause, count in virtualizer["statistics"]["exits"].items():
    expect(f"{cause} {count} " in table, f"exits: {cause} {count}")
expect("setie" in driver.find_element(By.ID, "classes").text, "the diagram names setie")
press(driver, Keys.ESCAPE)
expect(not driver.find_element(By.ID, "help").is_displayed(), "Esc closes the keys")
audit(driver, "popf")
# Whatever the Tab key reaches can be seen to have the focus, and has a name.
driver.execute_script("document.activeElement.blur(); window.scrollTo(0, 0)")
reached = set()
for _ in range(40):
    driver.switch_to.active_element.send_keys(Keys.TAB)
    found = driver.execute_script("""
      const e = document.activeElement, style = getComputedStyle(e);
      return [e.tagName, e.id, style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0,
        (e.getAttribute("aria-label") || e.textContent || (e.labels && e.labels.length ? e.labels[0].textContent : "")).trim()];""")
    if found[0] == "BODY":
        continue
    reached.add(found[1] or found[0])
    expect(found[2], f"no visible focus on {found}")
    expect(found[3], f"no name on {found}")
expect({"canvases", "goto", "BUTTON", "ARTICLE"} <= reached, f"Tab reaches {reached}")
driver.find_element(By.ID, "canvases").send_keys(Keys.HOME)
time.sleep(0.15)
driver.find_element(By.ID, "canvases").send_keys(Keys.PAGE_DOWN)
time.sleep(0.15)
expect(cursor(driver) > 1000, "Page Down on the time line")
expect(driver.find_element(By.ID, "canvases").get_attribute("aria-valuenow") == str(cursor(driver)), "the slider's value")
# Motion, print, narrow windows (320 pixels are 1280 at 400 %), dark.
for value, motion in (("reduce", "auto"), ("no-preference", "smooth")):
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-reduced-motion", "value": value}]})
    expect(driver.execute_script("return getComputedStyle(document.documentElement).scrollBehavior") == motion, value)
driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]})
press(driver, "d")
audit(driver, "popf, dark")
picture(driver, "popf-dark")
driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
printed = driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})["data"]
expect(len(printed) > 100000, "the page prints")
for width in (1000, 500, 320):
    size(driver, width)
    fits(driver, f"popf, {width}")
    picture(driver, f"popf-{width}")
audit(driver, "popf, narrow")
quiet(driver, page)

# A check: each condition leads to its place.
size(driver, 1400, 1800)
page = work / "check.html"
run("check", "minos", "--variant", "popf", "--max-instructions", "150000", "--html", str(page))
opened(driver, page)
parts = driver.find_elements(By.CLASS_NAME, "condition")
expect([part.find_element(By.TAG_NAME, "h3").text for part in parts] == ["equivalence", "control", "efficiency"], "conditions")
expect([part.text.split("\n")[2][0] for part in parts] == list("✗✓✓"), "verdicts of the conditions")
clicked(driver, parts[0].find_element(By.TAG_NAME, "button"))
time.sleep(0.2)
expect(cursor(driver) == 113064, "equivalence leads to the divergence")
clicked(driver, parts[1].find_element(By.TAG_NAME, "button"))
time.sleep(0.2)
rows = driver.find_elements(By.CSS_SELECTOR, "#engines article:last-child .listing tr")
expect(any("exit privileged" in row.text for row in rows), "control leads to an exit")
quiet(driver, page)

# x86: the classes are those of classify, and what no engine ran is said.
page = work / "x86.html"
run("compare", "real16", "--cpu", "8086", "--max-instructions", "2000", "--html", str(page))
opened(driver, page)
found = json.loads(run("classify", "--isa", "x86", "--json"))[0]["instructions"]
free = sorted(i["name"] for i in found if not i["privileged"])
rows = driver.find_elements(By.CSS_SELECTOR, "[aria-label='sensitive and not privileged'] tbody th")
expect([row.text for row in rows] == free and {"POPF", "SGDT"} <= set(free), "x86: sensitive and not privileged")
drawn = driver.find_element(By.CSS_SELECTOR, "#classes svg").get_attribute("textContent")
expect(f"sensitive, not privileged: {len(free)}" in drawn and all(name in drawn for name in free), "x86: the diagram")
expect("virtualizer: not run" in driver.find_element(By.ID, "canvases").text, "an engine that is not there")
audit(driver, "x86")
picture(driver, "x86")
quiet(driver, page)

# Texts from files are texts, and nothing else.
program = work / "<img src='page-asks' onerror='owned=1'>\x01\x1b[31m🤖&amp;.asm"
program.write_text("; </script><script>owned=2</script><!--\n_start:\n\taddi r1, r0, 65 ; </script><img src=page-asks onerror=owned=3> 🤖\n"
                   "\tout r1, 0(r0)\n\taddi r1, r0, 60\n\tout r1, 0(r0)\n\taddi r1, r0, 0\n\tout r1, 0x30(r0)\n\twait\n")
page = work / "hostile.html"
run("compare", str(program), "--html", str(page))
opened(driver, page)
press(driver, "n")
expect(driver.execute_script("return typeof owned === 'undefined' && !document.querySelector('img')"), "a name became code")
expect("<img src='page-asks'" in driver.find_element(By.ID, "title").text, "the name is shown")
expect("</script><img" in driver.find_element(By.ID, "engines").text, "the source line is shown")
quiet(driver, page)

# What has no room is there by counts, and the state of another instruction is not shown as this one's.
page = work / "counts.html"
run("compare", "minos", "--on", "simulator,virtualizer", "--html", str(page), "--html-events", "8000")
opened(driver, page)
go(driver, 100000)
expect("not on this page one by one" in driver.find_element(By.ID, "engines").text, "an instruction that is not there")
labels = [canvas.get_attribute("aria-label") for canvas in driver.find_elements(By.TAG_NAME, "canvas")]
expect("exit privileged 1,387" in labels[1], f"exits of the whole run: {labels[1]}")
picture(driver, "counts")

# Several programs; one that stops at its first instructions.
page = work / "several.html"
short = work / "short.asm"
short.write_text("_start:\n\taddi r1, r0, 0\n\tout r1, 0x30(r0)\n\twait\n")
run("compare", "hello", str(short), "fib", "--html", str(page))
opened(driver, page)
for number, button in enumerate(driver.find_elements(By.CSS_SELECTOR, "nav button")):
    clicked(driver, button)
    end = time.time() + 30
    while driver.execute_script("return document.documentElement.dataset.ready") != str(number):
        expect(time.time() < end, "a program does not open")
        time.sleep(0.05)
fits(driver, "several")
quiet(driver, page)
driver.quit()

# A trace of a million events opens without long tasks.
page = work / "million.html"
run("compare", "long64", "--on", "simulator,emulator", "--html", str(page), "--html-events", "2500000")
driver = browser()
driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": """
  window.longest = 0;
  new PerformanceObserver(list => { for (const e of list.getEntries()) longest = Math.max(longest, e.duration); })
    .observe({type: 'longtask', buffered: true});"""})
opened(driver, page)
time.sleep(0.3)
print(f"a million instructions: {page.stat().st_size >> 20} MiB, longest task {driver.execute_script('return longest'):.0f} ms")
for key in "+++---0nnnppp":
    press(driver, key)
expect(cursor(driver) >= 0, "keys work")
quiet(driver, page)
driver.quit()

print("the pages are as they should be" if not problems else f"{len(problems)} problems")
sys.exit(1 if problems else 0)
