//! Cycles in a graph.

use std::collections::{BTreeMap, BTreeSet};

/// Returns the sets of two or more nodes that can all reach each other.
pub(super) fn circles<N: Copy + Ord>(edges: &BTreeSet<(N, N)>) -> BTreeSet<BTreeSet<N>> {
    let mut next: BTreeMap<N, Vec<N>> = BTreeMap::new();
    for (from, to) in edges {
        next.entry(*from).or_default().push(*to);
    }
    let reached: BTreeMap<N, BTreeSet<N>> = next
        .keys()
        .map(|node| {
            let mut reached = BTreeSet::new();
            let mut left = vec![*node];
            while let Some(node) = left.pop() {
                for to in next.get(&node).into_iter().flatten() {
                    if reached.insert(*to) {
                        left.push(*to);
                    }
                }
            }
            (*node, reached)
        })
        .collect();
    let mut circles = BTreeSet::new();
    for (node, there) in &reached {
        let back = |other: &&N| reached.get(other).is_some_and(|from_other| from_other.contains(node));
        let circle: BTreeSet<N> = there.iter().filter(back).copied().collect();
        if circle.len() > 1 {
            circles.insert(circle);
        }
    }
    circles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_back_is_a_circle() {
        let edges =
            [("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("d", "e"), ("e", "d"), ("e", "f"), ("g", "a")];
        let expected = [BTreeSet::from(["a", "b", "c"]), BTreeSet::from(["d", "e"])];
        assert_eq!(circles(&edges.into()), expected.into());
        assert_eq!(circles(&[("a", "b"), ("a", "c"), ("b", "c")].into()), BTreeSet::new());
    }
}
