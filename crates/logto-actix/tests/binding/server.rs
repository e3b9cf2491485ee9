//! A server in a thread of its own, and what it is made of.

use actix_session::{
    SessionMiddleware,
    config::{CookieContentSecurity, SessionMiddlewareBuilder},
    storage::SessionStore,
};
use actix_web::{App, HttpServer, cookie::Key, dev::ServerHandle, middleware::from_fn, web::ServiceConfig};
use std::net::TcpListener;

/// Stops the server when it is dropped.
pub(crate) struct Running(ServerHandle);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.stop(false));
    }
}

/// An application by `workers` workers, with sessions of this store under a cookie of this name; where they live
/// in cookies, these are private or signed.
pub(crate) fn serve<S: SessionStore + 'static>(
    listener: TcpListener,
    workers: usize,
    store: impl Fn() -> S + Clone + Send + 'static,
    cookie: &'static str,
    security: CookieContentSecurity,
    configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> Running {
    let sessions = move |sessions: SessionMiddlewareBuilder<S>| {
        // Tests speak plain HTTP, where browsers keep no cookie with `Secure`.
        let sessions = sessions.cookie_secure(cookie.starts_with("__Host-"));
        sessions.cookie_name(cookie.to_owned()).cookie_content_security(security)
    };
    serve_with(listener, workers, store, sessions, configure)
}

/// The same, with what else is said of its sessions.
pub(crate) fn serve_with<S: SessionStore + 'static>(
    listener: TcpListener,
    workers: usize,
    store: impl Fn() -> S + Clone + Send + 'static,
    sessions: impl Fn(SessionMiddlewareBuilder<S>) -> SessionMiddlewareBuilder<S> + Clone + Send + 'static,
    configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> Running {
    let key = Key::generate();
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let app = move || {
                let built = SessionMiddleware::builder(store(), key.clone()).cookie_secure(false);
                App::new()
                    .configure(configure.clone())
                    .wrap(sessions(built).build())
                    .wrap(from_fn(logto_actix::no_store_with_cookie))
            };
            let server =
                HttpServer::new(app).workers(workers).disable_signals().listen(listener).unwrap().run();
            sender.send(server.handle()).unwrap();
            server.await.unwrap();
        });
    });
    Running(receiver.recv().unwrap())
}

/// An application without sessions, by one worker.
pub(crate) fn serve_plain(
    listener: TcpListener,
    configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> Running {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let app = move || App::new().configure(configure.clone());
            let server = HttpServer::new(app).workers(1).disable_signals().listen(listener).unwrap().run();
            sender.send(server.handle()).unwrap();
            server.await.unwrap();
        });
    });
    Running(receiver.recv().unwrap())
}
