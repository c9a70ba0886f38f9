"""What three students hand in: nothing, the solutions, and typical mistakes of which the points are known."""

MISTAKES = {
    "00_start_here": {"count_false_negatives": "return true.sum() - len(true)"},
    "01_retrieval": {"ndcg_floor": "return 100 * gains.mean()"},
    "02_ranking_loss": {"push_shares": "return torch.softmax(violations / temperature, dim=0)"},
    "03_false_negatives": {
        "video_anchors": "outside = ~torch.eye(len(sim), dtype=torch.bool)\n"
        "hardest = sim.masked_fill(~outside, -torch.inf).argmax(dim=1)\n"
        "return true[torch.arange(len(sim)), hardest].float().mean()"
    },
    "04_deriving_the_margin": {
        "row_margin": "z = (d - d.mean(dim=1, keepdim=True)) / d.std(dim=1, keepdim=True)\n"
        "return alpha + beta * z",
        "ports": 'runs = ["right", "diagonal", "clip", "similarity"]',
    },
    "05_measuring_distance": {
        "precision": "apart = ~torch.eye(len(d), dtype=torch.bool)\n"
        "return false[apart][d[apart].argsort(descending=True)[:k]].float().mean()"
    },
    "06_distance_to_margin": {"reversed": "return -margin", "fair_control": 'fair = "b"'},
    "07_cmgsd": {"combine": "return sum([*static, *dynamic]) / len([*static, *dynamic])"},
    "08_training_on_msrvtt": {"above_floor": "return 100 * ndcg / floor"},
    "09_when_does_it_help": {"holm": "return [min(1.0, len(p_values) * p) for p in p_values]"},
    "10_other_answers": {"built": "built = [[0.5, 0.4, 0.4], [0.1, 0.6, 0.1], [0.1, 0.7, 0.5]]"},
    "11_your_own_model": {"expert_embedding": "return vectors[:, 0]", "fair_reports": 'letters = "A, B"'},
    "12_your_own_videos": {"leak": "return 100 * sum(clip in train for clip in test) / len(test)"},
    "13_scaling_out": {"largest_batch": "return memory // (block + 2 * width)"},
}
"""Of each chapter the exercises that are answered wrongly, as their checkers are named: check_NAME."""

LEFT_ALONE = {"00_start_here": ["larger_batch"], "12_your_own_videos": ["looks"]}
"""And those that were not begun."""
