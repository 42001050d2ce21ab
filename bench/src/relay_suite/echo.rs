//! The unit of the relay's rows: what the same HTTP framework does when it does nothing.

use anyhow::{Context, Result};
use poem::listener::{Acceptor, Listener, TcpListener};
use poem::{Route, Server, handler, post};

use crate::table;

#[handler]
fn echo(body: Vec<u8>) -> Vec<u8> {
    body
}

/// Serves `POST /echo` on a free port of the loopback until killed.
pub fn serve() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await?;
        let local = acceptor.local_addr();
        let addr = local
            .first()
            .and_then(|addr| addr.as_socket_addr().copied())
            .context("no address")?;
        table::line(&format!("http://{addr}"));
        Server::new_with_acceptor(acceptor)
            .run(Route::new().at("/echo", post(echo)))
            .await?;
        Ok(())
    })
}
