"""Where the lessons explain what: the sections that cards link to.

Keys are ids of questions, keys of mistakes and keys of errors.  A mistake or an error without a section of its own is
explained where its question is, if that is in the same lesson, or else by the lesson as a whole.
"""

from __future__ import annotations

# (unit, heading of its lesson) -> what is explained there
_TAUGHT: dict[tuple[str, str], str] = {
    ("00", "A tensor is numbers with a shape"): "index_range too_many_indices shape_of_scalar not_a_scalar",
    ("00", "Why float64"): "dtypes_differ",
    ("00", "The shape of a product"): "00.predict_a_shape shapes_do_not_multiply not_a_matrix shape_reversed "
    "shape_of_input",
    ("00", "The dim that disappears"): "00.use_a_hint over_everything shapes_do_not_broadcast view_incompatible "
    "reshape_size",
    ("00", "When a cell stops with an error"): "00.read_an_error other_cause name_unknown argument_missing "
    "caret_for_power",
    ("00", "Check your answer"): "00.run_and_check not_returned",
    ("01", "The derivative without a step"): "01.predict_slope 01.declare input_undeclared no_graph integer_tensor "
    "not_in_graph value_not_slope minus_sign not_a_tensor function_for_value flag_called",
    ("01", "Why a tuple?"): "01.unpack_the_tuple tuple_of_one tuple_has_no list_of_one",
    ("01", "One function inside another"): "01.composition chain_stops_early outer_at_wrong_place inner_only "
    "order_exchanged slopes_added",
    ("01", "Several inputs"): "01.several_inputs inputs_swapped inputs_one_by_one",
    ("01", "backward, and what ends up in .grad"): "01.backward grad_is_none grad_untouched accumulated "
    "accumulated_in_turn attribute_misspelt none_has_no",
    ("01", "Through loops and branches"): "01.newton_root 01.branches",
    ("01", "Checking a slope with two values"): "01.central_difference divided_by_one_step",
    ("02", ".grad is a bucket"): "02.two_backwards stale_grad last_backward_only",
    ("02", "The training step"): "02.zero_it_right 02.mend_the_step nothing_changed",
    ("02", "Who has a bucket: leaves"): "02.leaf_or_not 02.which_grad_is_none 02.gradient_of_an_intermediate "
    "grad_of_non_leaf leaf_for_intermediate flag_of_non_leaf",
    ("02", "What is cut: detach"): "02.cut_one_branch branch_not_cut",
    ("02", "Freeze, stop recording, evaluate"): "02.freeze_half context_not_called",
    ("02", "What cuts without saying so"): "02.mend_torch_tensor grad_takes_a_tensor numpy_of_grad "
    "single_numbers_end_to_end list_has_no tensor_has_no",
    ("02", "What is forbidden: writing into a leaf"): "02.step_in_place 02.mend_data inplace_on_leaf",
    ("02", "What is forbidden: overwriting what is still needed"): "02.mend_in_place inplace_on_saved",
    ("02", "Adding on purpose: micro-batches"): "02.micro_batches",
    ("02", "Second reading: inference mode"): "inference_tensor",
    ("03", "Size and direction"): "03.directional_derivative output_for_jvp direction_of_ones",
    ("03", "Its shape is the variable's"): "03.predict_the_shape",
    ("03", "A quadratic form, or where the 2 goes"): "03.quadratic_form",
    ("03", "Rows that are used repeatedly"): "03.embedding",
    ("03", "The logarithm of a sum of exponentials"): "03.log_sum_exp",
    ("03", "One step downhill"): "03.descent_step gradient_for_step step_alone uphill step_without_rate",
    ("03", "With respect to part of x"): "03.by_a_slice",
    ("03", "Several vectors, each gradient at its place"): "03.order_of_inputs",
    ("03", "Second reading: a cheap test of a gradient"): "03.finite_differences",
    ("04", "One row: the gradient of one output"): "04.one_row other_row rows_up_to_i rows_added_up whole_table",
    ("04", "All rows: the Jacobian"): "04.all_rows 04.shape 04.mend_transposed transposed_assembly rows_accumulated "
    "one_row_only jacobian_diagonal one_grad_for_all_rows assigned_shape tuple_in_stack",
    ("04", "One column: what a single input does"): "04.one_column other_column column_for_row row_for_column "
    "input_for_output columns_added_up direction_form direction_shape direction_dtype",
    ("04", "The best linear approximation"): "04.linear_map moved_along_x",
    ("04", "The chain rule is a product of Jacobians"): "04.chain_product argument_ignored not_a_function",
    ("04", "Three factors: why training goes backward"): "04.cheaper_order",
    ("04", "In a training loop"): "04.softmax",
    ("04", "Any shape: first y's, then x's"): "04.any_shape jacobian_in_other_shape jacobian_inputs_first",
    ("05", "Before you run the next cell"): "05.predict_error scalar_needed letter_missed letter_too_many",
    ("05", "Say how much each output counts"): "05.weight_the_outputs jvp_for_vjp vjp_for_jvp weight_applied_after "
    "diagonal_only one_output_only whole_jacobian unreduced_jacobian weighted_twice normalised_weight "
    "weight_summing_to_one absolute_weight one_weight_for_all squared_loss sum_of_squares",
    ("05", "Move the weights yourself"): "05.ones_sum_the_rows ones_weight mean_of_outputs mean_of_weighted "
    "all_rows_but_i place_as_value",
    ("05", "The second road: one number"): "05.scalar_trick",
    ("05", "The third road: backward"): "05.backward_gradient",
    ("05", "The weight has y's shape, exactly"): "05.mend_the_weight weight_shape weight_laid_out_by_columns",
    ("05", "Several outputs, several inputs"): "05.several_outputs 05.several_inputs weight_in_other_order "
    "parts_not_added",
    ("05", "Where weights come from"): "shape_of_output",
    ("05", "A weight that depends on x"): "05.weight_that_depends_on_x weight_not_detached y_held_constant "
    "outputs_as_weights weighted_outputs_as_weights",
    ("05", "A weight that picks part of a batch"): "05.one_class",
    ("05", "Softmax and cross-entropy"): "05.cross_entropy",
    ("05", "The adjoint: the way back through a lookup"): "05.token_contributions",
    ("06", "A vector in, a matrix out"): "06.vector_to_table",
    ("06", "A matrix in, a matrix out"): "06.matrix_to_matrix",
    ("06", "Y = AXB: which product is it?"): "06.sandwich",
    ("06", "Four axes: flatten, and undo it"): "06.four_axes",
    ("06", "Undo a broadcast"): "06.undo_broadcast",
    ("06", "In training: a bias, and a matrix that nobody asked for"): "06.bias",
    ("06", "A batch of products"): "06.batched",
    ("06", "A convolution: one kernel, many places"): "06.convolution",
    ("06", "Transpose and permute"): "06.permute",
    ("06", "Through an inverse"): "06.trace_of_inverse",
    ("07", "What an operation saves"): "07.what_is_saved saved_missed saved_too_many",
    ("07", "One pass, step by step"): "07.refused_the_second_time second_backward call_missed call_too_many",
    ("07", "Keep it: retain_graph"): "07.retain 07.let_go graph_kept sums_in_turn results_exchanged one_sum_for_all "
    "first_for_all",
    ("07", "Two losses on one trunk"): "07.two_losses",
    ("07", "A state that is carried through training"): "07.truncated",
    ("07", "Fill these, and spare those"): "07.backward_inputs",
    ("07", "What takes no part"): "07.unused_none 07.unused_zeros zeros_for_none none_for_zeros zeros_need_unused",
    ("07", "Change a gradient on its way: hooks"): "07.clipping_hook hook_changed_size",
    ("07", "Every parameter of torch.autograd.grad"): "unknown_keyword",
    ("08", "create_graph: the backward pass is recorded, too"): "08.predict_again 08.second_derivative "
    "08.mend_create_graph not_differentiable_again graph_cut_inside gradient_for_second",
    ("08", "Again and again"): "08.nth_derivative order_off second_plus_first power_of_first",
    ("08", "When nothing is left to differentiate"): "08.linear_map zero_second",
    ("08", "Many variables: the Hessian"): "08.mixed_partial 08.hessian_by_rows hessian_of_rows hessian_diagonal "
    "gradient_outer hessian_summed row_sums_on_diagonal pure_for_mixed product_of_slopes row_of_hessian "
    "summed_then_picked hessian_from_grad",
    ("08", "H times a vector, without H"): "08.hvp hvp_ones hvp_diagonal hvp_gradient_weighted hvp_plus_gradient "
    "hvp_doubled hvp_directional hvp_times_slope hvp_applied_after hvp_along_gradient hvp_whole_step hessian_twice "
    "curvature_along",
    ("08", "Derivatives with respect to the input"): "08.laplacian laplacian_of_all laplacian_of_squares "
    "laplacian_unsummed one_pure_partial column_for_laplacian sum_of_gradient laplacian_of_triangle square_of_the_sum",
    ("08", "A gradient in the loss"): "08.gradient_of_norm half_of_squared_norm gradient_of_norm "
    "squared_norm_plus_gradient gradient_applied_after twice_the_gradient",
    ("08", "Newton's method"): "08.newton_step gradient_step newton_step_alone newton_uphill newton_other_length "
    "newton_for_a_root newton_diagonal hessian_not_inverted reciprocal_of_hessian",
    ("08", "What backward leaves behind"): "08.leak",
    ("09", "Two modes, counted in passes"): "09.predict_mode 09.cheaper_jacobian",
    ("09", "One direction, one pass forward"): "09.jvp jvp_diagonal no_dual_level",
    ("09", "A forward product out of two reverse ones"): "09.jvp_from_vjps",
    ("09", "Functions made from functions"): "transform_not_called parameters_as_dict backward_in_transform "
    "no_graph_in_transform number_for_grad",
    ("09", "vmap: write it for one, run it on many"): "09.vmap_gradient vmap_sizes in_dims_form batch_dimension_gone "
    "samples_summed samples_averaged samples_each_over_n samples_accumulated sum_for_every_sample one_gradient_only "
    "samples_last gradients_squared losses_for_gradients norms_for_gradients",
    ("09", "Many weights in one call"): "09.batched_weights batched_weight_shape one_weight_only weights_added_up "
    "weights_averaged ones_for_every_weight results_in_columns weights_in_columns directions_for_weights "
    "weights_left_out weights_accumulated sum_of_weights_throughout",
    ("09", "Per-sample gradients of a model"): "09.per_sample",
    ("09", "Forward over reverse"): "09.batched_hessian 09.hvp_three_ways hessians_summed hessians_averaged "
    "hessian_of_the_sum hessians_diagonal hessians_rows_summed hessians_outer gradients_for_hessians "
    "one_hessian_only hessians_last",
    ("09", "Second reading: what vmap cannot do"): "vmap_sees_no_values",
    ("10", "An expression is a graph"): "not_a_node",
    ("10", "One small rule for each operation"): "10.local_rules 10.branch upstream_ignored upstream_added "
    "rule_at_the_output rule_input_for_output rule_value_for_derivative rule_exchanged rule_sign_lost "
    "quotient_cut_short power_cut_short product_for_quotient slope_one_everywhere branch_by_upstream other_branch "
    "branch_lost branch_by_sign branch_by_size pull_without_comma not_one_for_each_parent",
    ("10", "Backward by hand"): "engine_not_started engine_started_at_value engine_started_at_one engine_one_step",
    ("10", "Why gradients add"): "10.predict_shared engine_assigned engine_parent_once",
    ("10", "Why the order matters"): "10.topological_order 10.backward_pass engine_order engine_passed_on_again "
    "order_reversed order_depth_first order_breadth_first order_node_twice order_unreached order_missing "
    "order_not_after_parents order_in_a_set",
    ("10", "A node that records itself"): "10.earlier_maps pull_missing leaf_without_rule node_in_numpy "
    "number_gone_through forward_value",
    ("10", "Rules for arrays: let the shapes speak"): "10.array_rules broadcast_not_summed broadcast_axes_dropped "
    "broadcast_summed_too_far one_copy_only mean_for_sum_of_copies sum_not_expanded along_other_axis matmul_sides "
    "index_overwrites index_averaged index_others_filled index_whole_numbers pull_shape",
    ("10", "What does it cost?"): "10.count",
    ("10", "What engines get wrong"): "engine_upstream_twice engine_parts_exchanged engine_of_the_output "
    "engine_seed_at_every_node",
    ("11", "What forward and backward owe each other"): "11.function upstream_unused upstream_unused_once "
    "upstream_twice upstream_handed_on gradient_is_none value_without_graph gradient_count gradient_shape "
    "gradient_no_tensor gradient_not_none output_no_float saves_tensors_only not_on_ctx instance_of_function "
    "method_missing",
    ("11", "Is it right? Ask finite differences"): "11.gradcheck gradcheck_failed check_needs_grad",
    ("11", "Differentiable once, or twice?"): "11.twice 11.saved_intermediate saved_intermediate "
    "pullback_without_graph differentiated_twice",
    ("11", "setup_context: the form that torch.func wants"): "setup_context_missing forward_takes_ctx",
    ("11", "A NaN behind where"): "11.predict_nan",
    ("11", "Finding it"): "11.anomaly nan_handed_back",
    ("11", "Rewriting it"): "11.nan_behind_where",
    ("11", "Complex numbers"): "11.complex complex_needs_weight real_inputs_only complex_weight",
    ("11", "In training: the straight-through estimator"): "11.straight_through",
    ("11", "Second reading: more about ctx"): "input_returned",
    ("12", "Each output depends on its own input alone"): "12.predict_coupled",
    ("12", "Twice: the second derivative"): "12.two_derivatives",
    ("12", "Residuals"): "12.ode_residual 12.poisson_residual 12.burgers_residual network_called_otherwise "
    "module_for_its_values",
    ("12", "From residuals to a loss"): "12.loss_parts part_left_out part_alone part_unweighted part_weighted_twice "
    "all_parts_weighted",
    ("12", "From nothing to a picture"): "12.train untrained model_changed training_diverged boundary_missed "
    "equation_missed not_trained_enough budget_spent",
    ("12", "The other way round: find the coefficient"): "12.find_coefficient search_passed_by search_went_away "
    "search_not_finished",
    ("13", "What the critic is for"): "13.critic_loss part_sign_turned loss_sign_turned parts_weighted_otherwise",
    ("13", "Interpolates: one factor per sample"): "13.interpolates expand_sizes",
    ("13", "One gradient per sample"): "13.gradient_norms",
    ("13", "Who influences whom"): "13.batch_norm",
    ("13", "The norm of an image's gradient"): "13.predict_norms norm_over_too_many",
    ("13", "create_graph: or the penalty does nothing"): "13.penalty 13.penalty_gradient part_without_gradient "
    "loss_without_gradient gradient_weighted_otherwise",
    ("13", "A loss after a training step: MAML"): "13.meta_gradient",
}

SECTIONS: dict[str, tuple[str, str]] = {key: section for section, keys in _TAUGHT.items() for key in keys.split()}
