//! Columns that are read side by side.
//!
//! Whoever claims rows reads them one lane of columns after the other, and whoever claims the next rows follows one lane behind. A lane is
//! read by one thread at a time, in the order of the rows: what comes of it is what one thread alone would read, and it takes no more
//! memory, since nobody is ahead by more than his own rows. It needs no second row group either.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{FieldRef, Schema};
use copyist_core::{DataError, ErrorCode, Result};

use super::guard::damaged;

/// Lanes of a file. Of more columns several share one, so that a file with many takes no longer to open.
pub(super) const MOST_LANES: usize = 16;

/// The rows of some columns of a file.
pub(super) trait Strand: Send {
    /// The next ones, and in which part of the file they are; None at the end.
    fn next(&mut self) -> Result<Option<(usize, RecordBatch)>>;
}

struct Lane {
    state: Mutex<State>,
    turned: Condvar,
}

struct State {
    strand: Box<dyn Strand>,
    /// Whose turn it is: the number of the rows that are read next.
    turn: u64,
    /// Rows that were given up, of the lowest number. Those behind them never have their turn.
    broken: Option<u64>,
}

impl Lane {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads when it is the turn of these rows.
    fn read(&self, number: u64) -> Result<Option<(usize, RecordBatch)>> {
        let mut state = self.lock();
        while state.turn != number {
            if state.broken.is_some_and(|broken| broken < number) {
                return Err(given_up());
            }
            state = self.turned.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let next = state.strand.next()?;
        state.turn += 1;
        drop(state);
        self.turned.notify_all();
        Ok(next)
    }
}

/// Nobody is told: what comes of the rows before is.
#[cold]
fn given_up() -> Box<DataError> {
    DataError::new(ErrorCode::QueryCanceled, "rows before these could not be read")
}

/// All columns that are read of a file.
pub(super) struct Lanes {
    lanes: Vec<Lane>,
    /// Where each of the columns that were asked for is among those of all lanes.
    order: Vec<usize>,
}

impl Lanes {
    /// At least one strand.
    pub fn new(strands: Vec<impl Strand + 'static>, order: Vec<usize>) -> Self {
        let lane = |strand| Lane {
            state: Mutex::new(State { strand: Box::new(strand), turn: 0, broken: None }),
            turned: Condvar::new(),
        };
        Self { lanes: strands.into_iter().map(lane).collect(), order }
    }

    /// Reads the first lane of rows, which were numbered from 0 on. At the end it waits for whoever still reads.
    pub fn begin(self: Arc<Self>, number: u64) -> Result<Option<Begun>> {
        let Some((first, others)) = self.lanes.split_first() else { return Ok(None) };
        if let Some((part, rows)) = first.read(number)? {
            return Ok(Some(Begun(Form::Rest(Rest { lanes: self, number, part, rows, is_done: false }))));
        }
        for lane in others {
            if lane.read(number)?.is_some() {
                return Err(uneven());
            }
        }
        Ok(None)
    }

    /// Nobody waits for these rows any more, nor for those behind them.
    fn give_up(&self, number: u64) {
        for lane in &self.lanes {
            let mut state = lane.lock();
            state.broken = Some(state.broken.map_or(number, |broken| broken.min(number)));
            drop(state);
            lane.turned.notify_all();
        }
    }
}

#[cold]
fn uneven() -> Box<DataError> {
    damaged("its columns do not have the same number of rows")
}

/// Rows that have been claimed, and not been read yet.
#[must_use]
pub struct Begun(Form);

enum Form {
    Whole(RecordBatch),
    Rest(Rest),
}

/// Rows of which the first lane has been read.
struct Rest {
    lanes: Arc<Lanes>,
    number: u64,
    part: usize,
    rows: RecordBatch,
    is_done: bool,
}

impl From<RecordBatch> for Begun {
    fn from(batch: RecordBatch) -> Self {
        Self(Form::Whole(batch))
    }
}

impl Begun {
    /// Reads what is left of them. It waits for those who have claimed rows before and have not read them yet, so that each of them has to be
    /// finished or dropped by another thread, or before.
    ///
    /// # Errors
    /// As [`super::Batches::next`].
    pub fn finish(self) -> Result<RecordBatch> {
        match self.0 {
            Form::Whole(batch) => Ok(batch),
            Form::Rest(rest) => rest.finish(),
        }
    }
}

impl Rest {
    fn finish(mut self) -> Result<RecordBatch> {
        let count = self.rows.num_rows();
        let mut fields: Vec<FieldRef> = self.rows.schema_ref().fields().iter().cloned().collect();
        let mut columns: Vec<ArrayRef> = self.rows.columns().to_vec();
        for lane in &self.lanes.lanes[1..] {
            match lane.read(self.number)? {
                Some((part, more)) if part == self.part && more.num_rows() == count => {
                    fields.extend(more.schema_ref().fields().iter().cloned());
                    columns.extend_from_slice(more.columns());
                }
                _ => return Err(uneven()),
            }
        }
        self.is_done = true;
        let order = &self.lanes.order;
        let fields: Vec<FieldRef> = order.iter().map(|&place| Arc::clone(&fields[place])).collect();
        let columns = order.iter().map(|&place| Arc::clone(&columns[place])).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options).map_err(damaged)
    }
}

impl Drop for Rest {
    fn drop(&mut self) {
        if !self.is_done {
            self.lanes.give_up(self.number);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use arrow_array::Int64Array;
    use arrow_array::cast::AsArray;
    use arrow_array::types::Int64Type;

    use super::*;

    /// One column whose rows are `number` times 1000 and their own; parts have 5 batches of 3 rows each.
    struct Numbers {
        column: i64,
        next: i64,
        end: i64,
        /// The batch that cannot be read.
        bad: Option<i64>,
        /// Batches that were read.
        count: Arc<AtomicUsize>,
    }

    impl Strand for Numbers {
        fn next(&mut self) -> Result<Option<(usize, RecordBatch)>> {
            if self.next == self.end {
                return Ok(None);
            }
            // Lanes take turns at being the slow one.
            if (self.next + self.column) % 3 == 0 {
                std::thread::sleep(Duration::from_micros(200));
            }
            if self.bad == Some(self.next) {
                return Err(damaged("a page of it"));
            }
            let rows = Int64Array::from_iter_values((0..3).map(|row| self.column * 1000 + self.next * 3 + row));
            let batch = RecordBatch::try_from_iter([(format!("c{}", self.column), Arc::new(rows) as ArrayRef)]);
            self.next += 1;
            self.count.fetch_add(1, Ordering::Relaxed);
            Ok(Some((self.next as usize / 5, batch.map_err(damaged)?)))
        }
    }

    fn numbers(count: &Arc<AtomicUsize>) -> Vec<Numbers> {
        (0..4).map(|column| Numbers { column, next: 0, end: 40, bad: None, count: Arc::clone(count) }).collect()
    }

    /// Outcomes of the batches by their numbers, as several threads claim and read them; claiming ends with an error.
    fn read(strands: Vec<Numbers>, threads: usize) -> BTreeMap<u64, std::result::Result<Vec<Vec<i64>>, ErrorCode>> {
        let lanes = Arc::new(Lanes::new(strands, vec![2, 0, 3, 1, 2]));
        let claims = Mutex::new((0, false));
        let outcomes = Mutex::new(BTreeMap::new());
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    loop {
                        let mut claim = claims.lock().unwrap();
                        if claim.1 {
                            return;
                        }
                        let number = claim.0;
                        claim.0 += 1;
                        let begun = Arc::clone(&lanes).begin(number);
                        claim.1 = !matches!(begun, Ok(Some(_)));
                        drop(claim);
                        let outcome = match begun {
                            Ok(None) => return,
                            Ok(Some(begun)) => begun.finish(),
                            Err(error) => Err(error),
                        };
                        let columns = outcome.map(|batch| {
                            let columns = batch.columns().iter();
                            columns.map(|column| column.as_primitive::<Int64Type>().values().to_vec()).collect()
                        });
                        outcomes.lock().unwrap().insert(number, columns.map_err(|error| error.code));
                    }
                });
            }
        });
        outcomes.into_inner().unwrap()
    }

    fn expected(number: i64) -> Vec<Vec<i64>> {
        [2, 0, 3, 1, 2].iter().map(|column| (0..3).map(|row| column * 1000 + number * 3 + row).collect()).collect()
    }

    #[test]
    fn any_number_of_threads_reads_the_same() {
        for threads in [1, 2, 3, 7] {
            let count = Arc::default();
            let outcomes = read(numbers(&count), threads);
            assert_eq!(outcomes.len(), 40, "{threads} threads");
            for (number, outcome) in outcomes {
                assert_eq!(outcome, Ok(expected(number.cast_signed())), "{threads} threads");
            }
            assert_eq!(count.load(Ordering::Relaxed), 160);
        }
    }

    #[test]
    fn what_cannot_be_read_in_any_lane_ends_it_and_nobody_waits() {
        for threads in [1, 2, 3, 7] {
            for lane in 0..4 {
                let mut strands = numbers(&Arc::default());
                strands[lane].bad = Some(17);
                let outcomes = read(strands, threads);
                for number in 0..17 {
                    assert_eq!(outcomes[&number], Ok(expected(number.cast_signed())), "{threads} threads, lane {lane}");
                }
                assert_eq!(outcomes[&17], Err(ErrorCode::BadCopyFileFormat), "{threads} threads, lane {lane}");
                assert!(outcomes.range(18..).all(|(_, outcome)| *outcome == Err(ErrorCode::QueryCanceled)));
            }
        }
    }

    #[test]
    fn rows_that_are_dropped_hold_nobody_up() {
        let lanes = Arc::new(Lanes::new(numbers(&Arc::default()), vec![0]));
        let begin = |number| Arc::clone(&lanes).begin(number).unwrap().unwrap();
        let (first, second, third) = (begin(0), begin(1), begin(2));
        drop(second);
        assert_eq!(third.finish().unwrap_err().code, ErrorCode::QueryCanceled);
        // What comes before them is read all the same.
        assert_eq!(first.finish().unwrap().num_rows(), 3);
    }

    #[test]
    fn a_lane_with_fewer_rows_or_more_is_damaged() {
        for (end, threads) in [(38, 1), (41, 1), (38, 3), (41, 3)] {
            let mut strands = numbers(&Arc::default());
            strands[2].end = end;
            let outcomes = read(strands, threads);
            let wrong = u64::try_from(end.min(40)).unwrap();
            assert_eq!(outcomes[&wrong], Err(ErrorCode::BadCopyFileFormat), "{end}, {threads} threads");
            assert!((0..wrong).all(|number| outcomes[&number].is_ok()));
        }
        // One batch less in its first part, and one more in its second.
        let mut strands = numbers(&Arc::default());
        strands[1].next = 1;
        assert_eq!(read(strands, 2)[&3], Err(ErrorCode::BadCopyFileFormat));
    }
}
