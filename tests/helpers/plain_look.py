"""The plainest appearance: flat vessels on a flat background, to which tests add what they are about."""

from scripts.synthesis.appearance import Appearance

PLAIN = Appearance(
    background=0.1, brightness_spread=0.0, profile="flat", wall=2.0, dome=3.0, mottle=0.0, gaps=0.0, inhomogeneity=0.0,
    texture=0.0, texture_scale=1.0, streak=1.0, cells=0.0, cell_brightness=1.0, organ=0.0, organ_count=1,
    organ_edge=2.0, organ_shell=False, sheet=0.0, leak=0.0, leak_reach=5.0, additive=True, attenuation=0.0, shadow=0.0,
    psf=(0.0, 0.0), cnr=10.0, poisson=0.0, speckle=0.0, grain=0.0, line_gain=0.0, stripes=0.0, rings=0.0,
    dark=False, gamma=1.0, saturated=0.0, full_scale=255.0, integer=True, processing=(), label_offset=0.0,
)  # fmt: skip
