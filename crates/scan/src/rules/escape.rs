//! Which bytes are escaped, where an escape byte takes the meaning from the byte after it, be it an escape byte too.

/// Bits with odd numbers.
const ODD: u64 = 0xaaaa_aaaa_aaaa_aaaa;

/// Escapes of one block.
pub(super) struct Escapes {
    /// Bytes that are escaped by the one before.
    pub(super) escaped: u64,
    /// Escape bytes that escape the one after.
    pub(super) escaping: u64,
}

/// Follows escapes from block to block.
#[derive(Default)]
pub(super) struct EscapeState {
    /// 1 if the first byte of the next block is escaped.
    carry: u64,
}

impl EscapeState {
    /// Whether the first byte of the next block is escaped.
    #[inline(always)]
    pub(super) fn is_pending(&self) -> bool {
        self.carry != 0
    }

    /// Sets whether the first byte of the next block is escaped.
    #[inline(always)]
    pub(super) fn set_pending(&mut self, pending: bool) {
        self.carry = u64::from(pending);
    }

    /// The escapes of the next block, whose escape bytes are the bits of `mask`. In a run of escape bytes every other
    /// one escapes, beginning with the first that is not itself escaped.
    #[inline(always)]
    pub(super) fn advance(&mut self, mask: u64) -> Escapes {
        // Escape bytes that are the first or a later one of a run, but for one escaped from the block before.
        let candidates = mask & !self.carry;
        let after = candidates << 1;
        // The subtraction of a run from the bits after its members, with odd bits set around it, leaves all of the run if
        // that begins on an even bit and nothing of it on an odd one, and the opposite of "odd" at the bit after the run
        // whenever its last member escapes ...
        let runs = (after | ODD).wrapping_sub(candidates);
        // ... so that this leaves every other member, from the first on, and the byte after if it is escaped.
        let escaping_and_next = runs ^ ODD;
        let escaped = escaping_and_next ^ (mask | self.carry);
        let escaping = escaping_and_next & mask;
        self.carry = escaping >> 63;
        Escapes { escaped, escaping }
    }
}
