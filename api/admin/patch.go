package admin

import (
	"encoding/json"
	"fmt"

	jsonpatch "github.com/evanphx/json-patch/v5"

	"github.com/pennonhq/pennon/fault"
)

// PatchesSchema is an RFC 6902 patch: operations applied in order, all or none.
type PatchesSchema []PatchSchema

// PatchSchema is one operation of a patch.
type PatchSchema struct {
	Op    string `json:"op" enum:"add,remove,replace,copy,move,test"`
	Path  string `json:"path" doc:"JSON pointer to the value"`
	From  string `json:"from,omitempty" doc:"JSON pointer to the source of copy and move"`
	Value any    `json:"value,omitempty"`
}

// maxPatchCopy bounds what the copy operations of one patch may add, in bytes.
const maxPatchCopy = 1 << 20

// applyPatch returns document as the patch leaves it. It fails with fault.Invalid when the patch cannot be applied or
// leaves something that is no T. document is not changed.
func applyPatch[T any](document T, patches PatchesSchema) (T, error) {
	var patched T
	operations, err := decodePatch(patches)
	if err != nil {
		return patched, err
	}
	before, err := json.Marshal(document)
	if err != nil {
		return patched, fmt.Errorf("marshal what to patch: %w", err)
	}
	options := jsonpatch.NewApplyOptions()
	options.SupportNegativeIndices = false
	options.AccumulatedCopySizeLimit = maxPatchCopy
	after, err := operations.ApplyWithOptions(before, options)
	if err != nil {
		return patched, fault.Wrap(fault.Invalid, err, "The patch cannot be applied.")
	}
	if err := json.Unmarshal(after, &patched); err != nil {
		return patched, fault.Wrap(fault.Invalid, err, "The patch leaves a value of the wrong type.")
	}
	return patched, nil
}

func decodePatch(patches PatchesSchema) (jsonpatch.Patch, error) {
	// An operation without a value means null, which omitempty of the schema would drop for add, replace and test.
	operations := make([]map[string]any, len(patches))
	for i, p := range patches {
		operations[i] = map[string]any{"op": p.Op, "path": p.Path}
		switch p.Op {
		case "copy", "move":
			operations[i]["from"] = p.From
		case "add", "replace", "test":
			operations[i]["value"] = p.Value
		}
	}
	text, err := json.Marshal(operations)
	if err != nil {
		return nil, fmt.Errorf("marshal patch: %w", err)
	}
	decoded, err := jsonpatch.DecodePatch(text)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "The patch is not valid.")
	}
	return decoded, nil
}
