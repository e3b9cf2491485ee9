//! The flow suite, by one worker and by four.

use crate::{memory::MemoryStore, server::serve};
use actix_session::{Session, config::CookieContentSecurity::Signed};
use actix_web::{
    HttpResponse,
    web::{self, Data, Json, Query, ServiceConfig},
};
use logto_actix::{
    AccessTokenClaims, Logto, LogtoClient, LogtoError, LogtoRoutes, LogtoUser, MemoryTokenStore,
    OptionalLogtoUser, SignInRefused, TokenStore, UserInfo, logto_client::StorageMode,
};
use logto_conformance::flow::{Application, Browser, Plan};
use std::{collections::HashMap, net::TcpListener, sync::Arc};

mod by_one_worker {
    use super::*;

    struct OneWorker;

    impl Application for OneWorker {
        async fn serve(listener: TcpListener, client: LogtoClient, plan: Plan) -> Box<dyn Send> {
            application(listener, 1, client, plan, LogtoRoutes::configure)
        }
    }

    logto_conformance::flow_suite!(OneWorker);
    logto_conformance::answers_suite!(OneWorker);
    logto_conformance::proxies_suite!(OneWorker);
}

mod by_four_workers_in_a_scope {
    use super::*;

    struct FourWorkers;

    impl Application for FourWorkers {
        async fn serve(listener: TcpListener, client: LogtoClient, plan: Plan) -> Box<dyn Send> {
            application(listener, 4, client, plan, |routes, config| {
                let routes = routes.clone().prefix("");
                config.service(web::scope("/logto").configure(|config| routes.configure(config)));
            })
        }
    }

    logto_conformance::flow_suite!(FourWorkers);
    logto_conformance::answers_suite!(FourWorkers);
    logto_conformance::proxies_suite!(FourWorkers);
}

mod with_tickets {
    use super::*;

    struct WithTickets;

    impl Application for WithTickets {
        async fn serve(listener: TcpListener, client: LogtoClient, plan: Plan) -> Box<dyn Send> {
            application(listener, 4, client, plan, LogtoRoutes::configure)
        }

        fn token_store() -> Option<Arc<dyn TokenStore>> {
            Some(Arc::new(MemoryTokenStore::new()))
        }
    }

    logto_conformance::flow_suite!(with tickets, WithTickets);
    logto_conformance::answers_suite!(with tickets, WithTickets);
    logto_conformance::proxies_suite!(with tickets, WithTickets);
}

pub(crate) fn application(
    listener: TcpListener,
    workers: usize,
    client: LogtoClient,
    plan: Plan,
    mount: impl Fn(&LogtoRoutes, &mut ServiceConfig) + Clone + Send + 'static,
) -> Box<dyn Send> {
    let store = MemoryStore::default();
    // Signed, so that a cookie changes only where the session's id does.
    let cookie = if plan.host_cookie { "__Host-id" } else { "id" };
    let configure = configuration(client, plan, mount);
    Box::new(serve(listener, workers, move || store.clone(), cookie, Signed, configure))
}

/// The application's pages, with the routes mounted in this way.
pub(crate) fn configuration(
    client: LogtoClient,
    plan: Plan,
    mount: impl Fn(&LogtoRoutes, &mut ServiceConfig) + Clone + Send + 'static,
) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    let routes = routes(&client, plan);
    move |config: &mut ServiceConfig| {
        config
            .app_data(Data::new(client.clone()))
            .route("/", web::get().to(home))
            .route("/protected", web::route().to(protected))
            .route("/user-info", web::get().to(user_info))
            .route("/note", web::get().to(note))
            .route("/slow-note", web::get().to(slow_note))
            .route("/access-token", web::get().to(access_token))
            .route("/refresh-then-500", web::get().to(refresh_then_500));
        mount(&routes, config);
    }
}

fn routes(client: &LogtoClient, plan: Plan) -> LogtoRoutes {
    let mut routes = LogtoRoutes::new();
    if client.storage_mode() == StorageMode::Tickets {
        routes = routes.back_channel_logout(client).unwrap();
    }
    if let Some(text) = plan.refuse {
        routes = routes.on_sign_in(move |_| std::future::ready(Err(SignInRefused::new(text.clone()))));
    }
    if plan.keep_session {
        routes = routes.keep_session_at_sign_out();
    }
    routes
}

async fn home(user: OptionalLogtoUser) -> String {
    user.as_ref().map_or("nobody".to_owned(), |user| user.sub().to_owned())
}

async fn protected(user: LogtoUser) -> String {
    user.sub().to_owned()
}

async fn user_info(logto: Logto) -> Result<Json<UserInfo>, LogtoError> {
    Ok(Json(logto.fetch_user_info().await?))
}

async fn note(session: Session, query: Query<HashMap<String, String>>) -> String {
    if let Some(text) = query.get("text") {
        session.insert("note", text).unwrap();
    }
    session.get("note").unwrap().unwrap_or_else(|| "none".to_owned())
}

async fn slow_note(logto: Logto, session: Session, query: Query<HashMap<String, String>>) -> String {
    let before: Option<String> = session.get("note").unwrap();
    Browser::new().get(format!("{}/jwks", logto.client().issuer())).await;
    session.insert("note", &query["text"]).unwrap();
    before.unwrap_or_default()
}

async fn access_token(
    logto: Logto,
    query: Query<HashMap<String, String>>,
) -> Result<Json<AccessTokenClaims>, LogtoError> {
    Ok(Json(logto.access_token_claims(&query["resource"]).await?))
}

async fn refresh_then_500(
    logto: Logto,
    query: Query<HashMap<String, String>>,
) -> Result<HttpResponse, LogtoError> {
    logto.access_token(&query["resource"]).await?;
    Ok(HttpResponse::InternalServerError().finish())
}
