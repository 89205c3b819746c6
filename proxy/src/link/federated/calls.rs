//! The words of the frameworks themselves: calls, channels and topics. What a peer writes that is none
//! of them has no name in a record.

/// What stands for a word that is not known.
pub(super) const OTHER: &str = "other";

/// Calls of Flower's services, 1.8 to 1.41 (`flwr/proto/*.proto`).
#[rustfmt::skip]
const FLOWER: &[&str] = &[
    "accept-invitation", "activate-node", "add-app", "add-node-to-federation", "archive-federation",
    "begin-connector-o-auth", "complete-connector-o-auth", "configure-simulation-federation",
    "confirm-message-received", "create-federation", "create-invitation", "create-node", "create-run",
    "deactivate-node", "delete-node", "disconnect-connector", "get-auth-tokens", "get-fab",
    "get-federation-options", "get-login-details", "get-nodes", "get-run",
    "get-run-ids-with-pending-messages", "get-run-series", "get-run-status", "join",
    "list-app-associations", "list-apps", "list-automations", "list-connectors", "list-federations",
    "list-invitations", "list-nodes", "list-run-series", "list-run-series-events", "list-runs", "ping",
    "pull-app-inputs", "pull-artifacts", "pull-client-app-inputs", "pull-message", "pull-messages",
    "pull-object", "pull-simulation-inputs", "pull-task-ins", "pull-task-res", "push-app-outputs",
    "push-client-app-outputs", "push-logs", "push-message", "push-messages", "push-object",
    "push-simulation-outputs", "push-task-ins", "push-task-res", "register-node", "reject-invitation",
    "remove-account-from-federation", "remove-app", "remove-node-from-federation", "request-token",
    "revoke-invitation", "send-app-heartbeat", "send-node-heartbeat", "send-receive",
    "set-federation-icon", "show-federation", "start-automation", "start-run", "stop-automation",
    "stop-run", "stream-logs", "stream-run-events", "unregister-node",
    "update-run-series-description", "update-run-status",
];

/// Channels and topics of NVIDIA FLARE 2.9 (`nvflare/fuel/f3/cellnet`, `fuel/f3/streaming`,
/// `apis/fl_constant.py`, `private/defs.py`).
#[rustfmt::skip]
const FLARE: &[&str] = &[
    "__abort_task__", "__app_metrics__", "__aux_command__", "__do_task__", "__end_run__",
    "__job_heartbeat__", "__msg_root_deleted__", "__stop_cellnet__", "__sync_runner__",
    "__task_check__", "_net_manager", "admin", "aux_communicate", "aux_communication", "aux_send",
    "bulk", "bye", "cellnet.channel",
    "challenge", "client_command", "client_sub_worker_command", "credential_manager",
    "download_service__", "download_service__download", "download_service__source_failure",
    "edge_request", "execute_result", "fire_event", "get_clients", "get_run_info", "get_task", "hci_channel", "heart_beat",
    "heartbeat", "key_exchange", "live_log", "log", "log_streaming", "metrics",
    "multi_process_executor", "quit", "register", "report_job_failure", "return_only",
    "server_command", "server_parent_listener", "simulator_runner", "simulator_worker_init",
    "sm__ACK", "sm__CERT", "sm__DATA", "sm__ERROR", "sm__STREAM", "submit_result", "submit_update",
    "task",
];

/// A call of Flower's.
pub(super) fn flower(rpc: &str) -> &'static str {
    known(FLOWER, rpc)
}

/// A channel or topic of NVIDIA FLARE's.
pub(super) fn flare(word: &str) -> &'static str {
    known(FLARE, word)
}

fn known(words: &[&'static str], word: &str) -> &'static str {
    words.iter().find(|known| **known == word).copied().unwrap_or(OTHER)
}
