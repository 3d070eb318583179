use crate::record::Hand;

/// Sets and deletes timers of one declaration, for the key in hand. There is one
/// timer for each declaration, key and time.
#[derive(Clone)]
pub struct Timer {
    pub(crate) number: u32,
}

impl Timer {
    /// Sets a timer, in milliseconds since the epoch. One in the past fires next.
    pub fn set(&self, hand: &Hand, time: i64) {
        hand.core.host.timer_set(hand.core.control.hand(), self.number, time);
    }

    /// Removes a timer. Removing one that is not set does nothing.
    pub fn delete(&self, hand: &Hand, time: i64) {
        hand.core.host.timer_delete(hand.core.control.hand(), self.number, time);
    }
}

/// A metric that only grows.
#[derive(Clone)]
pub struct Counter {
    pub(crate) number: u32,
}

impl Counter {
    /// Adds to the counter. Where the record fails, it does not count.
    pub fn add(&self, hand: &Hand, count: i64) {
        hand.core.host.metric(self.number, count);
    }
}

/// A metric that is set.
#[derive(Clone)]
pub struct Gauge {
    pub(crate) number: u32,
}

impl Gauge {
    /// Sets the gauge. Where the record fails, it keeps what it was.
    pub fn set(&self, hand: &Hand, value: i64) {
        hand.core.host.metric(self.number, value);
    }
}
