//! Changes objects of the ledger by compare-and-swap: reads, decides, writes, and decides again if another writer was
//! first.

use async_trait::async_trait;
use deployer_core::format::LedgerObject;
use deployer_core::function_ref::FunctionRef;
use deployer_core::head::Head;

use super::store::{Change, Contended, Persistence, Store, Versioned};
use crate::port::{ETag, LedgerError};

impl Store<'_> {
    /// Changes a head by compare-and-swap: reads it (or begins with `first`), lets `change` decide, writes the changed
    /// head, and decides again from the start if another writer was first. Effects within `change` must be idempotent,
    /// because it may run again. Returns the state that was written or read, and the result.
    pub async fn update_head<R, E>(
        self,
        at: &FunctionRef<'_>,
        first: Option<Versioned>,
        change: impl AsyncFnMut(&mut Versioned) -> Result<Change<Box<Head>, R>, E>,
    ) -> Result<(Versioned, R), E>
    where
        E: From<LedgerError> + From<Contended>,
    {
        self.update_head_with(at, first, Persistence::DEFAULT, change).await
    }

    /// Changes a head with the given persistence.
    pub async fn update_head_with<R, E>(
        self,
        at: &FunctionRef<'_>,
        first: Option<Versioned>,
        persistence: Persistence<'_>,
        change: impl AsyncFnMut(&mut Versioned) -> Result<Change<Box<Head>, R>, E>,
    ) -> Result<(Versioned, R), E>
    where
        E: From<LedgerError> + From<Contended>,
    {
        let mut deciding = Deciding { change, outcome: None };
        let seen = self.compare_and_swap(&HeadAccess(self, at), first, persistence, &mut deciding).await;
        deciding.end(seen)
    }

    /// Changes any other object by compare-and-swap; it need not be there.
    pub async fn update<T: LedgerObject, R, E>(
        self,
        key: &str,
        change: impl AsyncFnMut(Option<&T>) -> Result<Change<T, R>, E>,
    ) -> Result<R, E>
    where
        E: From<LedgerError> + From<Contended>,
    {
        self.update_with(key, Persistence::DEFAULT, change).await
    }

    /// Changes any other object with the given persistence.
    pub async fn update_with<T: LedgerObject, R, E>(
        self,
        key: &str,
        persistence: Persistence<'_>,
        mut change: impl AsyncFnMut(Option<&T>) -> Result<Change<T, R>, E>,
    ) -> Result<R, E>
    where
        E: From<LedgerError> + From<Contended>,
    {
        let change = async |seen: &mut Option<(T, ETag)>| change(seen.as_ref().map(|(object, _)| object)).await;
        let mut deciding = Deciding { change, outcome: None };
        let access = ObjectAccess(self, key);
        let seen = self.compare_and_swap(&access, None, persistence, &mut deciding).await;
        Ok(deciding.end(seen)?.1)
    }

    /// Runs the one loop. Effects of `decide` must be idempotent, because it may run again. Returns no state if
    /// `decide` ended it by an error.
    async fn compare_and_swap<S, T>(
        self,
        object: &dyn Access<S, T>,
        mut first: Option<S>,
        Persistence { errors, races }: Persistence<'_>,
        decide: &mut dyn Decide<S, T>,
    ) -> Result<Option<S>, Failed> {
        for attempt in 0.. {
            let seen = match first.take() {
                Some(seen) => Ok(seen),
                None => object.read().await,
            };
            let outcome = match seen {
                Err(error) => Err(error),
                Ok(mut seen) => match decide.decide(&mut seen).await {
                    Decided::Error => return Ok(None),
                    Decided::Keep => return Ok(Some(seen)),
                    Decided::Write(changed) => match object.write(&seen, changed).await {
                        Ok(Some(written)) => return Ok(Some(written)),
                        Ok(None) => Ok(()),
                        Err(error) => Err(error),
                    },
                },
            };
            match outcome {
                Ok(()) if races(attempt) => tracing::debug!(attempt, "another writer was first: deciding again"),
                Ok(()) => return Err(Failed::Contended),
                Err(error) if errors(attempt, &error) => {}
                Err(error) => return Err(Failed::Ledger(error)),
            }
            self.pause(attempt).await;
        }
        unreachable!("attempts do not end")
    }
}

/// Reads and writes one object.
#[async_trait(?Send)]
trait Access<S, T> {
    async fn read(&self) -> Result<S, LedgerError>;
    async fn write(&self, expected: &S, object: T) -> Result<Option<S>, LedgerError>;
}

struct HeadAccess<'e, 'a>(Store<'e>, &'a FunctionRef<'a>);

#[async_trait(?Send)]
impl Access<Versioned, Box<Head>> for HeadAccess<'_, '_> {
    async fn read(&self) -> Result<Versioned, LedgerError> {
        self.0.head(self.1).await
    }

    async fn write(&self, expected: &Versioned, head: Box<Head>) -> Result<Option<Versioned>, LedgerError> {
        self.0.write_head(self.1, expected.etag.clone(), *head).await
    }
}

struct ObjectAccess<'e, 'a>(Store<'e>, &'a str);

#[async_trait(?Send)]
impl<T: LedgerObject> Access<Option<(T, ETag)>, T> for ObjectAccess<'_, '_> {
    async fn read(&self) -> Result<Option<(T, ETag)>, LedgerError> {
        self.0.object(self.1).await
    }

    async fn write(&self, expected: &Option<(T, ETag)>, object: T) -> Result<Option<Option<(T, ETag)>>, LedgerError> {
        let expected = expected.as_ref().map(|(_, etag)| etag.clone());
        let etag = self.0.put(self.1, &object, &object.as_read(), expected).await?;
        Ok(etag.map(|etag| Some((object, etag))))
    }
}

/// Decides on an object that was read.
#[async_trait(?Send)]
trait Decide<S, T> {
    async fn decide(&mut self, seen: &mut S) -> Decided<T>;
}

enum Decided<T> {
    Write(T),
    Keep,
    Error,
}

/// A change and its last result. The loop is generic in neither, so it is compiled once for each kind of object.
struct Deciding<C, R, E> {
    change: C,
    outcome: Option<Result<R, E>>,
}

impl<C, R, E: From<LedgerError> + From<Contended>> Deciding<C, R, E> {
    fn end<S>(self, seen: Result<Option<S>, Failed>) -> Result<(S, R), E> {
        match (seen, self.outcome) {
            (Err(Failed::Ledger(error)), _) => Err(error.into()),
            (Ok(_), Some(Err(error))) => Err(error),
            (Ok(Some(seen)), Some(Ok(result))) => Ok((seen, result)),
            (Err(Failed::Contended) | Ok(_), _) => Err(Contended.into()),
        }
    }
}

#[async_trait(?Send)]
impl<S, T, R, E, C: AsyncFnMut(&mut S) -> Result<Change<T, R>, E>> Decide<S, T> for Deciding<C, R, E> {
    async fn decide(&mut self, seen: &mut S) -> Decided<T> {
        let (decided, outcome) = match (self.change)(seen).await {
            Ok(Change::Write(object, result)) => (Decided::Write(object), Ok(result)),
            Ok(Change::Keep(result)) => (Decided::Keep, Ok(result)),
            Err(error) => (Decided::Error, Err(error)),
        };
        self.outcome = Some(outcome);
        decided
    }
}

/// The reason why the loop gave up.
enum Failed {
    Ledger(LedgerError),
    Contended,
}
