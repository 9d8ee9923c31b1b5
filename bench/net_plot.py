# SPDX-License-Identifier: Apache-2.0
"""A small plot as SVG: shares of the bare responder over the number of names held, on a logarithmic
axis, each line named at its end. Layer: bench. Knows nothing of what is measured."""

import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 420, 60, 210, 40, 50
COLOURS = ['#1b6ca8', '#c8553d', '#3a7d44', '#7d4f9e', '#a37c1b', '#444444']


def spread(places, gap):
    """Moves labels apart that would cover one another, keeping their order."""
    moved = sorted(places.items(), key=lambda item: item[1])
    last = -math.inf
    result = {}
    for name, y in moved:
        last = max(y, last + gap)
        result[name] = last
    return result


def growth(lines):
    """lines: name -> [(names held, ratio)]."""
    xs = sorted({x for points in lines.values() for x, _ in points})
    low, high = math.log10(xs[0]), math.log10(xs[-1])
    top = max(1.0, max(y for points in lines.values() for _, y in points))

    def px(x):
        return LEFT + (WIDTH - LEFT - RIGHT) * (math.log10(x) - low) / (high - low or 1)

    def py(y):
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * y / top

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
           'font-family="sans-serif" font-size="13">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
           f'<text x="{LEFT}" y="22" font-size="15">winsd, one worker: share of a bare UDP '
           'responder</text>']
    for i in range(0, int(top * 5) + 1):
        y = i / 5
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{py(y):.1f}" y2="{py(y):.1f}" '
                   'stroke="#dddddd"/>')
        out.append(f'<text x="{LEFT - 8}" y="{py(y) + 4:.1f}" text-anchor="end">{y:.1f}</text>')
    for x in xs:
        out.append(f'<text x="{px(x):.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">'
                   f'{x:,}</text>')
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">names '
               'held</text>')
    labels = spread({name: py(points[-1][1]) for name, points in lines.items()}, 17)
    for colour, (name, points) in zip(COLOURS, lines.items()):
        path = ' '.join(f'{px(x):.1f},{py(y):.1f}' for x, y in points)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{px(x):.1f}" cy="{py(y):.1f}" r="3" fill="{colour}"/>'
                for x, y in points]
        out.append(f'<text x="{WIDTH - RIGHT + 10}" y="{labels[name] + 4:.1f}" fill="{colour}">'
                   f'{escape(name)} {points[-1][1]:.2f}</text>')
    return '\n'.join([*out, '</svg>', ''])
