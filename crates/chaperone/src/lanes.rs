//! Lanes: threads that serve connections, one for each processor.
//!
//! A connection stays in its lane from its first byte to its last, with everything that is done for it at once, also its
//! way to the target. So nothing of a request goes from one processor to another, which costs more than the request
//! itself. What may take long (passwords, files, exports) goes to threads of its own, as anywhere.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle};
use tokio::sync::watch;

/// Lanes at most; more processors than this are left to the database and to background work.
const LANES_MAX: usize = 64;

/// The lanes of a process. They end when this is dropped, and whatever they still serve with them.
pub(crate) struct Lanes {
    handles: Vec<Handle>,
    next: AtomicUsize,
    threads: Vec<JoinHandle<()>>,
    over: watch::Sender<bool>,
}

impl Lanes {
    /// Starts one for each processor.
    ///
    /// # Errors
    /// When the system gives no thread, or nothing to wait for sockets with.
    pub(crate) fn start() -> io::Result<Arc<Self>> {
        let count = std::thread::available_parallelism().map_or(1, usize::from).min(LANES_MAX);
        let (over, ends) = watch::channel(false);
        let (mut handles, mut threads) = (Vec::new(), Vec::new());
        for number in 0..count {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            handles.push(runtime.handle().clone());
            let mut ends = ends.clone();
            let lane = std::thread::Builder::new().name(format!("lane-{number}")).spawn(move || {
                runtime.block_on(async {
                    // A sender that is gone means the same.
                    let _over = ends.wait_for(|over| *over).await;
                });
            });
            threads.push(lane?);
        }
        Ok(Arc::new(Self { handles, next: AtomicUsize::new(0), threads, over }))
    }

    /// Serves a connection in the lane whose turn it is.
    ///
    /// # Errors
    /// When the system does not let the socket change hands.
    pub(crate) fn serve<F>(
        &self,
        stream: TcpStream,
        work: impl FnOnce(TcpStream) -> F + Send + 'static,
    ) -> io::Result<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let stream = stream.into_std()?;
        let number = self.next.fetch_add(1, Ordering::Relaxed) % self.handles.len();
        self.handles[number].spawn(async move {
            match TcpStream::from_std(stream) {
                Ok(stream) => work(stream).await,
                Err(error) => tracing::warn!(%error, "a connection could not be taken into its lane"),
            }
        });
        Ok(())
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        self.over.send_replace(true);
        for lane in self.threads.drain(..) {
            // One that panicked has ended too.
            let _ended = lane.join();
        }
    }
}
