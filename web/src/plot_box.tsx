/* Puts a drawing of Observable Plot on the page and draws it anew when its width or data change. */

import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { seriesColor } from "./series";

interface Props {
  /** What the drawing depends on beside its width; draw is called when it changes. */
  version: string;
  label: string;
  draw: (width: number) => Element;
}

/** The drawing below the legend of its series and above its caption. */
export function Figure({
  labels,
  children,
  ...box
}: Props & { labels: string[]; children: ComponentChildren }) {
  return (
    <figure aria-label={box.label}>
      <SeriesLegend labels={labels} />
      <PlotBox {...box} />
      <figcaption>{children}</figcaption>
    </figure>
  );
}

function PlotBox({ version, label, draw }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) =>
      setWidth(Math.floor(entry!.contentRect.width)),
    );
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    if (width > 0) {
      const drawing = draw(width);
      // The box says in words what it shows; Plot's names of its marks ("dot") would say nothing.
      drawing.setAttribute("aria-hidden", "true");
      box.current!.replaceChildren(drawing);
    }
  }, [version, width]);
  return <div class="plot" role="img" aria-label={label} ref={box} />;
}

/** Shown above a figure; the symbols repeat what the colours say. */
function SeriesLegend({ labels }: { labels: string[] }) {
  if (labels.length < 2) {
    return null;
  }
  return (
    <ul class="legend">
      {labels.map((label, i) => (
        <li key={label}>
          <svg width="30" height="14" viewBox="-15 -7 30 14" aria-hidden="true">
            <line x1="-15" x2="15" stroke={seriesColor(i)} stroke-width="2" />
            <path d={symbolPath(i)} fill="var(--card)" stroke={seriesColor(i)} stroke-width="2" />
          </svg>
          {label}
        </li>
      ))}
    </ul>
  );
}

function symbolPath(series: number): string {
  const paths = [
    "M4,0A4,4,0,1,1,-4,0A4,4,0,1,1,4,0Z",
    "M-3.7,-3.7H3.7V3.7H-3.7Z",
    "M0,-5L4,0L0,5L-4,0Z",
    "M0,-5L4.5,3.5H-4.5Z",
    "M0,-5.5L1.5,-1.8L5.3,-1.7L2.3,.7L3.3,4.4L0,2.3L-3.3,4.4L-2.3,.7L-5.3,-1.7L-1.5,-1.8Z",
    "M-1.5,-4.5H1.5V-1.5H4.5V1.5H1.5V4.5H-1.5V1.5H-4.5V-1.5H-1.5Z",
    "M0,0V5M0,0L-4,-4M0,0L4,-4",
  ];
  return paths[series % paths.length]!;
}
