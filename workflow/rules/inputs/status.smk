"""Every unit with the steps that lead to its result."""


def units_with_steps(wildcards):
    """Every unit with the files and logs of the steps that lead to its result, the first step first."""
    rdms = {(one["target"], one["subject"]): one for one in expected_rdms()}
    logs = f"{RESULTS}/logs"
    for target in TARGETS:  # of targets that are one RDM, the list above has the group's
        group_log = f"{logs}/group_rdm/{STUDY.target(target).kind}-{target}.log"
        rdms.setdefault((target, GROUP), {"file": rdm_of(target, GROUP), "logs": [group_log]})
    return [
        {
            **unit,
            "steps": [
                {"name": "embedding", **embedding_step(unit["network"])},
                {"name": "RDM", **rdms[unit["target"], unit["subject"]]},
                *(
                    {
                        "name": rule,
                        "file": f"{RESULTS}/{rule_folder}/{UNIT.format(**unit)}_{ending}",
                        "logs": [log_of_unit(rule, unit)],
                    }
                    for rule, rule_folder, ending in (
                        ("prune", "pruning", "facts.json"),
                        ("specificity", "specificity", "bootstrap.npz"),
                    )
                ),
            ],
        }
        for unit in all_units()
    ]


def embedding_step(network):
    """The embedding of a network, and the log of what makes it."""
    rule_name = "embedding" if network in MODELS else "import_embedding"
    return {
        "file": f"{RESULTS}/embeddings/net-{network}_embedding.h5",
        "logs": [f"{RESULTS}/logs/{rule_name}/net-{network}.log"],
    }
