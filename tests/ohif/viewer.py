"""OHIF in a browser: its buttons, its pictures, and every host that it asks for something."""

import io
from urllib.parse import urlsplit

import numpy as np
from PIL import Image
from scipy import ndimage

MOST = 120_000  # milliseconds
SOON = 6  # seconds, after which a menu that did not open is clicked again
TRIES = 10
VIEWPORTS = 3
SHOWN = (1050, 675)  # pixels of a picture that is kept


class Viewer:
    """A page of OHIF at a server's address."""

    def __init__(self, browser, url, pictures):
        self.url, self.pictures = url, pictures
        self.page = browser.new_context(viewport={"width": 1400, "height": 900}).new_page()
        self.page.set_default_timeout(MOST)
        self.foreign, self.blocked, self.taken = [], [], 0
        self.page.on("request", self._requested)
        self.page.on("console", self._told)
        self.page.on("dialog", lambda dialog: dialog.accept())

    def _requested(self, request):
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and f"{parts.scheme}://{parts.netloc}" != self.url:
            self.foreign.append(request.url)

    def _told(self, message):
        if "Content Security Policy" in message.text:
            self.blocked.append(message.text)

    def settle(self):
        """Wait until the page looks the same for a second: what OHIF draws, it draws after it has answered."""
        before = None
        for _ in range(TRIES):
            self.page.wait_for_timeout(1000)
            if (seen := self.page.screenshot()) == before:
                return
            before = seen

    def until(self, shown, do):
        """Do something until something is shown, and return that."""
        for _ in range(TRIES):
            do()
            for _ in range(SOON):
                self.page.wait_for_timeout(1000)
                if shown.is_visible():
                    return shown
        raise AssertionError(f"{shown} was never shown")

    def picture(self, name):
        """Keep a picture of the page."""
        self.settle()
        self.taken += 1
        shot = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB").resize(SHOWN, Image.Resampling.LANCZOS)
        shot.save(self.pictures / f"{self.taken}_{name}.webp", quality=80)

    def list_studies(self):
        self.page.goto(f"{self.url}/ohif/")
        self.page.get_by_text("axial", exact=True).first.wait_for()
        if (hide := self.page.get_by_text("Confirm and Hide")).count():
            hide.click()

    def open(self, patient):
        """Choose a study in the list, and the mode for MONAI Label."""
        self.page.get_by_text(patient, exact=True).first.click()
        self.page.get_by_role("button", name="MONAI Label").click()
        self.page.locator("[data-cy=viewport-pane]").first.wait_for()
        self.settle()

    def connect(self):
        self.page.locator("[data-cy=monailabel-btn]").click()
        self.page.locator(".settingsTable button.actionButton").click()
        self.page.get_by_text("Auto-Segmentation").wait_for()
        self.page.wait_for_timeout(1500)  # the panel makes the empty segmentation a second later
        self.settle()

    def learn(self):
        """Connect, and show the buttons of active learning."""
        self.connect()
        self.page.get_by_text("Active Learning").first.click()

    def tools(self):
        """Show the tools that correct a segmentation."""
        self.page.locator("[data-cy=panelSegmentationWithTools-btn]").click()

    def run(self):
        self.page.get_by_title("Run Segmentation", exact=True).click()
        self.page.get_by_text("Running Segmentation - Successful").wait_for()
        self.settle()

    def viewports(self):
        """The three planes as they are seen, `(height, width, 3)` each, without what is written around them."""
        found = []
        for pane in self.page.locator("[data-cy=viewport-pane]").all()[:VIEWPORTS]:
            box = pane.bounding_box()
            within = {"x": box["x"] + 24, "y": box["y"] + 60, "width": box["width"] - 60, "height": box["height"] - 110}
            shot = Image.open(io.BytesIO(self.page.screenshot(clip=within)))
            found.append(np.asarray(shot.convert("RGB")).astype(int))
        return found

    def scroll(self, slices):
        """Go to another slice of the first viewport, where what is upside down lies beside the vessels."""
        box = self.page.locator("[data-cy=viewport-pane]").first.bounding_box()
        self.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        for _ in range(slices):
            self.page.mouse.wheel(0, 100)
            self.page.wait_for_timeout(400)

    def brush(self, x, y):
        """Paint a dab at a place of the first viewport, in parts of its width and height."""
        self.tools()
        self.page.locator("[data-cy=Brush]").click()
        self.settle()
        box = self.page.locator("[data-cy=viewport-pane]").first.bounding_box()
        x, y = box["x"] + x * box["width"], box["y"] + y * box["height"]
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + 8, y + 8, steps=4)
        self.page.mouse.up()

    def export(self, name):
        """Store the segmentation on the DICOMweb server, by the menu beside its name."""
        chosen = self.page.get_by_text("Segmentations", exact=True).last.bounding_box()
        x, y = chosen["x"] - 25, chosen["y"] + chosen["height"] / 2  # the three dots before it
        items = self.page.get_by_role("menuitem")
        export = self.until(items.filter(has_text="Export").first, lambda: self.page.mouse.click(x, y))
        self.until(items.filter(has_text="Export DICOM SEG"), export.hover).click()
        asked = self.page.get_by_text("Enter the report name")
        asked.wait_for()
        self.settle()
        place = asked.bounding_box()
        self.page.mouse.click(place["x"] + 20, place["y"] + 40)
        self.page.keyboard.type(name)
        with self.page.expect_response(lambda answer: answer.request.method == "POST") as stored:
            self.page.locator("[data-cy=Save-btn]").click()
        return stored.value.status


def lies_on(before, after):
    """How much of what is bright an overlay covers, and how much of the overlay lies on or beside it."""
    bright = before.min(axis=2) > 130
    covered = np.abs(after - before).sum(axis=2) > 25
    near = ndimage.binary_dilation(bright, iterations=20)  # pixels; a voxel has eight
    return (covered & bright).sum() / bright.sum(), (covered & near).sum() / max(covered.sum(), 1)
