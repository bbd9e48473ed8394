//! The containers around a value.

/// What a level of nesting is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Container {
    Array,
    Object,
}

/// One bit a level, set for objects; the first 64 levels need no allocation.
#[derive(Default)]
pub(super) struct Stack {
    /// The innermost up to 64 levels, the innermost in bit 0.
    top: u64,
    /// Whole words of levels further out.
    outer: Vec<u64>,
    depth: usize,
}

impl Stack {
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    pub(super) fn push(&mut self, container: Container) {
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.outer.push(self.top);
            self.top = 0;
        }
        self.top = self.top << 1 | u64::from(container == Container::Object);
        self.depth += 1;
    }

    pub(super) fn pop(&mut self) {
        self.depth -= 1;
        self.top >>= 1;
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.top = self.outer.pop().unwrap_or_default();
        }
    }

    pub(super) fn top(&self) -> Option<Container> {
        match self.depth {
            0 => None,
            _ if self.top & 1 == 1 => Some(Container::Object),
            _ => Some(Container::Array),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn behaves_as_a_vector(steps in prop::collection::vec((any::<bool>(), 0u8..3), 0..400)) {
            let (mut stack, mut vector) = (Stack::default(), Vec::new());
            for (object, step) in steps {
                if step > 0 {
                    let container = if object { Container::Object } else { Container::Array };
                    stack.push(container);
                    vector.push(container);
                } else if vector.pop().is_some() {
                    stack.pop();
                }
                prop_assert_eq!(stack.top(), vector.last().copied());
                prop_assert_eq!(stack.depth(), vector.len());
            }
        }
    }
}
