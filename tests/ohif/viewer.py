"""OHIF in a browser: its buttons, its pictures, and every host that it asks for something."""

import io
from urllib.parse import urlsplit

import numpy as np
from PIL import Image
from scipy import ndimage

MOST = 120_000  # milliseconds
VIEWPORTS = 3


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

    def picture(self, name):
        self.page.wait_for_timeout(1000)
        self.taken += 1
        self.page.screenshot(path=self.pictures / f"{self.taken:02d}_{name}.png")

    def list_studies(self):
        self.page.goto(f"{self.url}/ohif/")
        self.page.get_by_text("axial", exact=True).first.wait_for()
        if (hide := self.page.get_by_text("Confirm and Hide")).count():
            hide.click()

    def open(self, patient):
        """Choose a study in the list, and the mode for MONAI Label."""
        self.page.get_by_text(patient, exact=True).first.click()
        self.page.get_by_role("button", name="MONAI Label").click()
        self.page.locator("canvas").first.wait_for()
        self.page.wait_for_timeout(3000)

    def connect(self):
        self.page.locator("[data-cy=monailabel-btn]").click()
        self.page.locator(".settingsTable button.actionButton").click()
        self.page.get_by_text("Auto-Segmentation").wait_for()
        self.page.wait_for_timeout(2500)  # the panel makes the empty segmentation a second later

    def run(self, ending="Running Segmentation - Successful"):
        self.page.get_by_title("Run Segmentation", exact=True).click()
        self.page.get_by_text(ending).wait_for()
        self.page.wait_for_timeout(2500)

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
        self.page.locator("[data-cy=panelSegmentationWithTools-btn]").click()
        self.page.locator("[data-cy=Brush]").click()
        self.page.wait_for_timeout(1000)
        box = self.page.locator("[data-cy=viewport-pane]").first.bounding_box()
        x, y = box["x"] + x * box["width"], box["y"] + y * box["height"]
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + 8, y + 8, steps=4)
        self.page.mouse.up()

    def export(self, name):
        """Store the segmentation on the DICOMweb server, by the menu beside its name."""
        self.page.wait_for_timeout(1000)
        chosen = self.page.get_by_text("Segmentations", exact=True).last.bounding_box()
        self.page.mouse.click(chosen["x"] - 25, chosen["y"] + chosen["height"] / 2)  # the three dots before it
        self.page.get_by_role("menuitem").filter(has_text="Export").first.hover()
        self.page.wait_for_timeout(1000)
        self.page.get_by_role("menuitem").filter(has_text="Export DICOM SEG").click()
        asked = self.page.get_by_text("Enter the report name").bounding_box()
        self.page.mouse.click(asked["x"] + 20, asked["y"] + 40)
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
