//! Where calls that block run.

/// Where calls that block run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workers {
    /// On threads for that.
    Threads,
    /// In place: for simulated ports, which do not block, and a world that threads would escape.
    Inline,
}

impl Workers {
    /// Does the work, and panics as it does.
    pub async fn run<R: Send + 'static>(self, work: impl FnOnce() -> R + Send + 'static) -> R {
        match self {
            Self::Inline => work(),
            Self::Threads => match tokio::task::spawn_blocking(work).await {
                Ok(result) => result,
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    // Only a runtime that ends cancels: nobody waits for the answer.
                    Err(_) => std::future::pending().await,
                },
            },
        }
    }
}
