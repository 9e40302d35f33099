//! The status of the last answer. Where a listing, a removal or a range was refused, the crate's error
//! does not tell by its type why; then no rights, no bucket and no network would look alike, and be
//! asked again until the patience is over.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;

use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService, ReqwestConnector,
};

tokio::task_local! {
    static LAST: Cell<u16>;
}

/// Runs a request; with its outcome comes the status of the last answer, 0 where none came.
pub async fn noting<T>(request: impl Future<Output = T>) -> (T, u16) {
    let noted = async {
        let outcome = request.await;
        (outcome, LAST.with(Cell::get))
    };
    LAST.scope(Cell::new(0), noted).await
}

/// Makes clients that note statuses.
#[derive(Debug, Default)]
pub struct Noting(ReqwestConnector);

impl HttpConnector for Noting {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(NotingClient(self.0.connect(options)?)))
    }
}

#[derive(Debug)]
struct NotingClient(HttpClient);

impl HttpService for NotingClient {
    fn call<'a, 'b>(
        &'a self,
        request: HttpRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(async move {
            let answer = self.0.execute(request).await;
            let status = answer.as_ref().map_or(0, |a| a.status().as_u16());
            // Outside of `noting` nobody asks.
            let _ = LAST.try_with(|last| last.set(status));
            answer
        })
    }
}
