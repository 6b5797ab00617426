/* Numbers and times in words for a person; no DOM. */

/** A share of 1 as "90.1 %"; null as a dash. */
export function percent(share: number | null, digits = 1): string {
    return share === null ? "–" : `${(share * 100).toFixed(digits)} %`;
}
