use std::ffi::OsString;

use supervisor_core::spec::health::{Header, HttpServer, HttpUrl, Scheme};
use supervisor_wire::prometheus::{Selector, sum};

use super::*;

/// Metrics pages in the servers' formats, with their requests in flight and completed work.
const PAGES: [(&str, &str, f64, f64); 5] = [
    ("vllm", include_str!("../../tests/metrics/vllm.txt"), 8.0, 27_453.0 + 8_192.0),
    (
        "sglang",
        include_str!("../../tests/metrics/sglang.txt"),
        5.0,
        12_540.0 + 900.0 + 800.0 + 899.0,
    ),
    ("triton", include_str!("../../tests/metrics/triton.txt"), 1.0, 1_264.0),
    ("tgi", include_str!("../../tests/metrics/tgi.txt"), 9.0, 2_200.0),
    ("llama.cpp", include_str!("../../tests/metrics/llama.cpp.txt"), 2.0, 332.0 + 350.0 + 67_837.0),
];

#[test]
fn each_preset_finds_its_metrics_on_a_page_of_its_server() {
    for preset in &PRESETS {
        let Some(metrics) = &preset.metrics else { continue };
        let (_, page, running, done) =
            PAGES.iter().find(|(name, ..)| *name == preset.name).unwrap();
        let read = |names: &[&str]| {
            let selectors: Vec<_> = names.iter().map(|n| Selector::parse(n).unwrap()).collect();
            sum(page.as_bytes(), &selectors)
        };
        assert_eq!(read(metrics.running), Some(*running), "{}", preset.name);
        assert_eq!(read(metrics.done), Some(*done), "{}", preset.name);
        for name in metrics.running.iter().chain(metrics.waiting).chain(metrics.done) {
            assert!(read(&[name]).is_some(), "{}: no {name} on its page", preset.name);
        }
    }
}

#[test]
fn the_message_about_an_unknown_preset_lists_all_presets() {
    let listed: Vec<&str> = NAMES.split([',', ' ']).filter(|word| !word.is_empty()).collect();
    let names: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
    assert_eq!(listed.into_iter().filter(|word| *word != "or").collect::<Vec<_>>(), names);
}

/// The plan of a preset for a command with these variables and a file `/opts.yaml`.
fn plan(name: &str, command: &str, variables: &[(&str, &str)]) -> Plan {
    let preset = PRESETS.iter().find(|preset| preset.name == name).unwrap();
    let argv: Vec<OsString> = command.split(' ').map(OsString::from).collect();
    let around = Surroundings {
        variable: &|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        },
        file: &|path| {
            let text = "# ours\nmodel: m\nport: 8100 # here\nssl_keyfile: \"/k\"\nssl-certfile: /c\n\
                        nested:\n  host: 10.9.9.9\nheadless: false\n";
            (path == "/opts.yaml").then(|| text.to_owned())
        },
        beginning: &|| {
            if command.starts_with("./serve") { b"#!/bin/sh -e\n".to_vec() } else { Vec::new() }
        },
    };
    preset.plan(&Command::read(preset, &argv, &around), None)
}

/// The health check as a URL.
fn check_of(plan: &Plan) -> String {
    match &plan.asks {
        Asks::Page(url) => url.to_string(),
        Asks::Port { host, port, .. } => format!("tcp {host}:{port}"),
        Asks::Command(words) => {
            words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
        }
        Asks::Nothing(why) => format!("nothing: {why}"),
    }
}

fn metrics(plan: &Plan) -> String {
    plan.metrics.as_ref().map_or_else(|| "none".to_owned(), HttpUrl::to_string)
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table with an entry for each command")]
fn a_server_is_checked_at_the_address_in_its_command() {
    let vllm = "vllm serve /m";
    for (name, command, variables, url) in [
        ("vllm", vllm, &[][..], "http://127.0.0.1:8000/health"),
        ("vllm", "vllm serve /m --port 9000", &[], "http://127.0.0.1:9000/health"),
        ("vllm", "vllm serve /m --port=9000 --host=10.0.0.7", &[], "http://10.0.0.7:9000/health"),
        ("vllm", "vllm serve /m --host 0.0.0.0", &[], "http://127.0.0.1:8000/health"),
        ("vllm", "vllm serve /m --host ::", &[], "http://[::1]:8000/health"),
        ("vllm", "vllm serve /m --por 9000", &[], "http://127.0.0.1:9000/health"),
        ("vllm", vllm, &[("VLLM_PORT", "7777"), ("PORT", "7")], "http://127.0.0.1:8000/health"),
        ("vllm", "vllm serve /m --root-path /api", &[], "http://127.0.0.1:8000/health"),
        (
            "vllm",
            "python3 -m vllm.entrypoints.openai.api_server --port 9000 --ssl-keyfile /k \
             --ssl_certfile=/c",
            &[],
            "https://127.0.0.1:9000/health",
        ),
        ("vllm", "vllm serve /m --ssl-keyfile /k", &[], "http://127.0.0.1:8000/health"),
        ("vllm", "vllm serve /m --config /opts.yaml", &[], "https://127.0.0.1:8100/health"),
        ("vllm", "vllm serve /m --port 9 --config /opts.yaml", &[], "https://127.0.0.1:9/health"),
        ("vllm", "vllm serve /m --uds /run/v.sock", &[], "unix:///run/v.sock:/health"),
        (
            "vllm",
            "vllm serve /m --data-parallel-multi-port-external-lb",
            &[],
            "http://127.0.0.1:9256/health",
        ),
        (
            "vllm",
            "vllm serve /m --ssl-keyfile /k --ssl-certfile /c --ssl-cert-reqs 2",
            &[],
            "tcp 127.0.0.1:8000",
        ),
        // A launcher's options are not the server's.
        (
            "triton",
            "mpirun --host n1,n2 --port 5 tritonserver --http-port=8100",
            &[],
            "http://127.0.0.1:8100/v2/health/ready",
        ),
        ("triton", "tritonserver --http-p 81", &[], "http://127.0.0.1:81/v2/health/ready"),
        (
            "triton",
            "tritonserver --allow-sagemaker=true --allow-http=false --sagemaker-port 8081",
            &[],
            "http://127.0.0.1:8081/ping",
        ),
        ("sglang", "sglang serve /m --port 31000", &[], "http://127.0.0.1:31000/health"),
        ("tensorrt-llm", "trtllm-serve /m --host box", &[], "http://box:8000/health"),
        ("tgi", "text-generation-launcher", &[("PORT", "80")], "http://127.0.0.1:80/health"),
        (
            "tgi",
            "text-generation-launcher -p 81",
            &[("PORT", "80"), ("HOSTNAME", "3f2a9c")],
            "http://127.0.0.1:81/health",
        ),
        (
            "tgi",
            "text-generation-launcher -p81",
            &[("HOSTNAME", "127.0.0.5")],
            "http://127.0.0.5:81/health",
        ),
        ("llama.cpp", "llama-server -m m --port 9000", &[], "http://127.0.0.1:9000/health"),
        ("llama.cpp", "llama serve -m m --host /run/l.sock", &[], "unix:///run/l.sock:/health"),
        (
            "llama.cpp",
            "llama-server --host 0.0.0.0,::1 --port 1",
            &[("AIP_MODE", "PREDICTION"), ("AIP_HTTP_PORT", "8081")],
            "http://127.0.0.1:8081/health",
        ),
        (
            "llama.cpp",
            "llama-server -m m --api-prefix /v --ssl-key-file k --ssl-cert-file c",
            &[("LLAMA_ARG_PORT", "82")],
            "https://127.0.0.1:82/v/health",
        ),
        (
            "llama-cpp-python",
            "python -m llama_cpp.server --port 9000 --host 10.0.0.1",
            &[("PORT", "9001")],
            "http://10.0.0.1:9001/openapi.json",
        ),
        (
            "llama-cpp-python",
            "python -m uvicorn --factory llama_cpp.server.app:create_app --port 9000",
            &[("PORT", "9001")],
            "http://127.0.0.1:9000/openapi.json",
        ),
        ("ollama", "ollama serve", &[], "http://127.0.0.1:11434/"),
        ("ollama", "ollama serve", &[("OLLAMA_HOST", "0.0.0.0:11435")], "http://127.0.0.1:11435/"),
        ("ollama", "ollama serve", &[("OLLAMA_HOST", "http://10.0.0.3")], "http://10.0.0.3:80/"),
        ("ollama", "ollama serve", &[("OLLAMA_HOST", "[::1]:5")], "http://[::1]:5/"),
        ("ollama", "ollama serve", &[("OLLAMA_HOST", "::")], "http://[::1]:11434/"),
        (
            "lmdeploy",
            "lmdeploy serve api_server m --server-port 23334 --ssl --port 5",
            &[],
            "https://127.0.0.1:23334/health",
        ),
        (
            "tei",
            "text-embeddings-router --model-id m",
            &[("PORT", "80")],
            "http://127.0.0.1:80/health",
        ),
        (
            "infinity",
            "infinity_emb v2",
            &[("INFINITY_PORT", "7998")],
            "http://127.0.0.1:7998/health",
        ),
        ("ray-serve", "serve run app:app", &[], "http://127.0.0.1:8000/-/healthz"),
        ("ray", "/venv/bin/ray start --head --block", &[], "/venv/bin/ray health-check"),
        (
            "ray",
            "ray start --head --port=6380 --block",
            &[],
            "ray health-check --address 127.0.0.1:6380",
        ),
        ("sagemaker", "vllm serve /m --port 8081", &[], "http://127.0.0.1:8081/ping"),
        ("sagemaker", "serve", &[("SAGEMAKER_BIND_TO_PORT", "8082")], "http://127.0.0.1:8082/ping"),
        ("sagemaker", "trtllm-serve /m --port 8080", &[], "http://127.0.0.1:8080/health"),
    ] {
        let plan = plan(name, command, variables);
        assert_eq!(check_of(&plan), url, "{name}: {command} {variables:?}");
        assert!(!plan.is_guess || name == "ray-serve", "{name}: {command}");
    }
}

#[test]
fn a_program_without_an_http_server_is_not_checked() {
    for (name, command, variables) in [
        ("vllm", "vllm serve /m --headless", &[][..]),
        ("vllm", "vllm serve /m --grpc", &[]),
        ("vllm", "vllm serve /m --nnodes 2 --node-rank 1", &[]),
        ("vllm", "vllm serve /m --nnodes 2 --node_rank=3", &[]),
        ("vllm", "vllm serve /m --port 0", &[]),
        ("vllm", "vllm serve /m --port x", &[]),
        ("sglang", "python -m sglang.launch_server --node-rank 1 --nnodes 2", &[]),
        ("sglang", "sglang serve --smg-grpc-mode", &[]),
        ("tensorrt-llm", "trtllm-serve grpc /m", &[]),
        ("tensorrt-llm", "trtllm-llmapi-launch trtllm-serve /m", &[("OMPI_COMM_WORLD_RANK", "1")]),
        ("triton", "tritonserver --allow-http=false", &[]),
        ("triton", "tritonserver", &[("AIP_MODE", "PREDICTION")]),
        ("lmdeploy", "lmdeploy serve api_server m --dp 2 --proxy-url http://p", &[]),
        ("ray", "ray start --address=head:6379 --block", &[]),
    ] {
        let plan = plan(name, command, variables);
        assert!(check_of(&plan).starts_with("nothing: "), "{name}: {command}: {plan:?}");
        assert_eq!(plan.metrics, None, "{name}: {command}");
    }
    for (name, command) in [
        ("vllm", "vllm serve /m --node-rank 0 --nnodes 2"),
        ("sglang", "sglang serve --node-rank 0"),
        ("tensorrt-llm", "trtllm-serve serve /m"),
        ("triton", "tritonserver --allow-http=true"),
    ] {
        assert!(check_of(&plan(name, command, &[])).starts_with("http://"), "{name}: {command}");
    }
}

#[test]
fn a_script_is_checked_at_the_default_address_which_is_a_guess() {
    for command in
        ["sh -c vllm\u{a0}serve\u{a0}--port\u{a0}9000", "./serve", "/bin/bash /opt/run.sh"]
    {
        let plan = plan("vllm", command, &[]);
        assert_eq!(check_of(&plan), "http://127.0.0.1:8000/health", "{command}");
        assert!(plan.is_guess && plan.from.is_empty(), "{command}");
    }
    // A model with the server's name is not taken for the server.
    let model = plan("vllm", "python own.py --port 9000 --model /models/vllm", &[]);
    assert_eq!(check_of(&model), "http://127.0.0.1:9000/health");
    // A script may pass its arguments to the server, so the address is not a guess.
    let plan = plan("vllm", "./serve --port 9000", &[]);
    assert_eq!((check_of(&plan).as_str(), plan.is_guess), ("http://127.0.0.1:9000/health", false));
}

#[test]
fn an_address_that_is_not_in_the_command_is_a_guess() {
    for (name, command, variables) in [
        ("llama.cpp", "llama-server -m m", &[][..]),
        ("ray-serve", "serve run app:app", &[]),
        ("llama-cpp-python", "python -m llama_cpp.server", &[("CONFIG_FILE", "c.json")]),
        ("tensorrt-llm", "trtllm-serve disaggregated -c f.yaml", &[]),
        ("vllm", "vllm serve /m --config /gone.yaml", &[]),
    ] {
        assert!(plan(name, command, variables).is_guess, "{name}: {command}");
    }
}

#[test]
fn metrics_are_read_at_the_servers_own_address() {
    for (name, command, url) in [
        ("vllm", "vllm serve /m --port 9000", "http://127.0.0.1:9000/metrics"),
        ("vllm", "vllm serve /m --data-parallel-multi-port-external-lb", "none"),
        (
            "triton",
            "tritonserver --http-address 127.0.0.2 --metrics-port=8200",
            "http://127.0.0.2:8200/metrics",
        ),
        (
            "triton",
            "tritonserver --http-address 127.0.0.2 --metrics-address 127.0.0.3",
            "http://127.0.0.3:8002/metrics",
        ),
        ("triton", "tritonserver --allow-metrics=false", "none"),
        ("tensorrt-llm", "trtllm-serve /m", "none"),
        ("llama.cpp", "llama-server --api-prefix v/", "http://127.0.0.1:8080/v/metrics"),
    ] {
        assert_eq!(metrics(&plan(name, command, &[])), url, "{name}: {command}");
    }
}

#[test]
fn an_api_key_is_sent_only_to_pages_that_need_it() {
    let key = |value: &str| Some(Header { name: "Authorization".into(), value: value.into() });
    let keys = |name: &str, command: &str| {
        let plan = plan(name, command, &[]);
        (plan.health_key, plan.metrics_key)
    };
    assert_eq!(keys("vllm", "vllm serve /m --api-key k"), (None, None));
    assert_eq!(keys("sglang", "sglang serve --api-key k"), (None, None));
    assert_eq!(keys("llama.cpp", "llama-server --api-key k,l"), (None, key("Bearer k")));
    assert_eq!(
        keys("llama.cpp", "llama-server --api-key=k --api-prefix /v"),
        (key("Bearer k"), key("Bearer k"))
    );
    assert_eq!(keys("sagemaker", "sglang serve --api-key k"), (key("Bearer k"), None));
    let guarded = Some(Header { name: "X-Key".into(), value: "v".into() });
    let triton = "tritonserver --http-restricted-api=metadata,health:X-Key=v";
    assert_eq!(keys("triton", triton), (guarded, None));
}

#[test]
fn the_recommended_grace_period_follows_the_servers_options() {
    let needs = |name: &str, command: &str, variables: &[(&str, &str)]| {
        let plan = plan(name, command, variables);
        (plan.stop.map(|(seconds, _)| seconds), plan.cuts.is_some())
    };
    assert_eq!(needs("vllm", "vllm serve /m", &[]), (None, true));
    assert_eq!(needs("vllm", "vllm serve /m --shutdown-timeout 0", &[]), (None, true));
    assert_eq!(needs("vllm", "vllm serve /m --shutdown-timeout 60", &[]), (Some(75), false));
    assert_eq!(needs("vllm", "./serve", &[]), (None, false));
    assert_eq!(needs("triton", "tritonserver", &[]), (Some(35), false));
    assert_eq!(needs("triton", "tritonserver --exit-timeout-secs=25", &[]), (Some(30), false));
    assert_eq!(needs("tgi", "text-generation-launcher", &[]), (Some(185), false));
    let shorter = [("GRACEFUL_TERMINATION_TIMEOUT", "10")];
    assert_eq!(needs("tgi", "text-generation-launcher", &shorter), (Some(25), false));
    assert_eq!(needs("ray", "ray start --block", &[]), (Some(40), false));
}

#[test]
fn the_check_timeout_of_sglang_follows_its_own_timeout() {
    let timeout = |variables| plan("sglang", "sglang serve", variables).timeout.as_secs();
    assert_eq!(timeout(&[]), 25);
    assert_eq!(timeout(&[("SGLANG_HEALTH_CHECK_TIMEOUT", "60")]), 65);
    assert_eq!(timeout(&[("SGLANG_HEALTH_CHECK_TIMEOUT", "x")]), 25);
}

#[test]
fn a_socket_in_the_command_replaces_host_and_port() {
    let plan = plan("vllm", "vllm serve /m --host 1.2.3.4 --port 5 --uds=/run/v", &[]);
    let url = |path: &str| HttpUrl {
        scheme: Scheme::Http,
        server: HttpServer::Unix("/run/v".into()),
        path: path.to_owned(),
    };
    assert_eq!(plan.asks, Asks::Page(url("/health")));
    assert_eq!(plan.metrics, Some(url("/metrics")));
    assert_eq!(plan.from, ["--uds /run/v"]);
}
