//! A plain client of the stub: one connection for each request, no signature, nothing repeated.

use std::io::{self, BufReader, Write};
use std::net::{SocketAddr, TcpStream};

use creel::chain::store::{Created, Store, StoreError, StoreErrorKind};

use super::http::{self, Message};
use super::server::BUCKET;

/// A store behind HTTP.
#[derive(Debug)]
pub struct HttpStore(pub SocketAddr);

impl HttpStore {
    fn send(
        &self,
        method: &'static str,
        target: &str,
        headers: &str,
        body: &[u8],
    ) -> Result<(u16, Vec<u8>), StoreError> {
        let exchange = || -> io::Result<Option<Message>> {
            let mut connection = TcpStream::connect(self.0)?;
            connection.set_nodelay(true)?;
            let len = body.len();
            let head = format!(
                "{method} /{BUCKET}/{target} HTTP/1.1\r\nHost: x\r\nContent-Length: {len}\r\n{headers}\r\n"
            );
            connection.write_all(&[head.as_bytes(), body].concat())?;
            http::read(&mut BufReader::new(connection), method == "HEAD")
        };
        let fail =
            |detail: String| StoreError::new(StoreErrorKind::Unreachable, method, target, detail);
        let answer = exchange().map_err(|e| fail(e.to_string()))?;
        let answer = answer.ok_or_else(|| fail("the connection was closed".into()))?;
        let status = answer.line.split(' ').nth(1).and_then(|s| s.parse().ok());
        match status {
            Some(status) if status < 500 => {
                let len = answer
                    .headers
                    .get("content-length")
                    .and_then(|l| l.parse().ok());
                let body = match method {
                    "HEAD" => u64::to_le_bytes(len.unwrap_or(0)).to_vec(),
                    _ => answer.body,
                };
                Ok((status, body))
            }
            status => Err(fail(format!("status {status:?}"))),
        }
    }
}

impl Store for HttpStore {
    fn create(&self, name: &str, bytes: &[u8]) -> Result<Created, StoreError> {
        match self.send("PUT", name, "If-None-Match: *\r\n", bytes)?.0 {
            200 => Ok(Created::Created),
            _ => Ok(Created::Exists),
        }
    }

    fn get(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, StoreError> {
        match self.send("GET", name, "", b"")? {
            (200, body) if body.len() as u64 > limit => Err(StoreError::new(
                StoreErrorKind::TooLarge,
                "read",
                name,
                body.len(),
            )),
            (200, body) => Ok(Some(body)),
            _ => Ok(None),
        }
    }

    fn get_range(&self, name: &str, offset: u64, len: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let range = format!("Range: bytes={offset}-{}\r\n", offset + len - 1);
        match self.send("GET", name, &range, b"")? {
            (206, body) => Ok(Some(body)),
            (416, _) => Ok(Some(Vec::new())),
            _ => Ok(None),
        }
    }

    fn head(&self, name: &str) -> Result<Option<u64>, StoreError> {
        let (status, len) = self.send("HEAD", name, "", b"")?;
        let len = len.try_into().map(u64::from_le_bytes).unwrap();
        Ok((status == 200).then_some(len))
    }

    fn list_after(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let query = format!("?list-type=2&prefix={prefix}&start-after={after}&max-keys={limit}");
        let (_, body) = self.send("GET", &query, "", b"")?;
        let text = String::from_utf8(body).unwrap();
        let keys = text.split("<Key>").skip(1);
        Ok(keys
            .map(|key| key.split("</Key>").next().unwrap().to_owned())
            .collect())
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.send("PUT", name, "", bytes).map(drop)
    }

    fn delete(&self, name: &str) -> Result<(), StoreError> {
        self.send("DELETE", name, "", b"").map(drop)
    }

    fn address(&self) -> String {
        format!("http://{}", self.0)
    }
}
