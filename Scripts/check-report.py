#!/usr/bin/env python3
"""Opens the pages of `triad compare --html` in a headless Chromium and sets what they show against traces.

Usage: check-report.py TRIAD [FOLDER]. Needs Debian's chromium and chromium-driver, and selenium from PyPI. With a folder,
pictures of the pages go there.
"""
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


def expect(condition, text):
    if not condition:
        problems.append(text)
        print("FAIL:", text)


def run(*words, statuses=(0, 1)):
    done = subprocess.run([triad, *words], capture_output=True, text=True)
    if done.returncode not in statuses:
        sys.exit(f"triad {' '.join(words)}: {done.returncode}\n{done.stderr}")
    return done.stdout


def browser(width=1400, height=1800, dark=False):
    options = webdriver.ChromeOptions()
    for word in ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--window-size={width},{height}"]:
        options.add_argument(word)
    if dark:
        options.add_argument("--blink-settings=preferredColorScheme=0")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
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
    for entry in driver.get_log("browser"):
        expect(False, f"{page.name}: console: {entry['message']}")


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
quiet(driver, page)
driver.quit()

# Narrow (as at 400 %), dark, and several programs.
page = work / "several.html"
run("compare", "hello", "fib", "protected32", "--html", str(page))
for name, width, dark in (("narrow", 500, False), ("dark", 1400, True)):
    driver = browser(width, 1800, dark)
    opened(driver, page)
    for number, button in enumerate(driver.find_elements(By.CSS_SELECTOR, "nav button")):
        button.click()
        end = time.time() + 30
        while driver.execute_script("return document.documentElement.dataset.ready") != str(number):
            expect(time.time() < end, "a program does not open")
            time.sleep(0.05)
    overflow = driver.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
    expect(overflow <= 0, f"{name}: the page is {overflow} pixels wider than the window")
    picture(driver, name)
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
