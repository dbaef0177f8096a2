# Files of the experts' weights. Each of them can be used as downloaded, or converted by
# tools/convert/expert_checkpoint.py.
weights = dict(
    # OpenAI's ViT-B-16.pt, https://github.com/openai/CLIP (clip/model.py lists the address)
    clip='checkpoints/ViT-B-16.pt',
    # VideoMAE ViT-B pre-trained on SSV2 for 2400 epochs and on Kinetics-400 for 1600,
    # https://github.com/MCG-NJU/VideoMAE (MODEL_ZOO.md)
    videomae_ssv2='checkpoints/videomae_vit-base-p16_ssv2-pre.pth',
    videomae_k400='checkpoints/videomae_vit-base-p16_k400-pre.pth',
    # The same, pre-trained on EPIC-KITCHENS-100. Its authors provide no such weights; the paper made its own.
    # Their SSV2 weights are a substitute, for which the paper reports other numbers (table 6).
    videomae_ek100='checkpoints/videomae_vit-base-p16_ek100-pre.pth',
    # https://huggingface.co/timm/vit_base_patch16_224.augreg_in21k
    in21k='checkpoints/vit_base_patch16_224.augreg_in21k.safetensors',
    # https://huggingface.co/timm/vit_base_patch32_224.augreg_in21k and vit_large_patch32_224.orig_in21k there
    in21k_base_p32='checkpoints/vit_base_patch32_224.augreg_in21k.safetensors',
    in21k_large_p32='checkpoints/vit_large_patch32_224.orig_in21k.safetensors',
    # X-ViT on SSV2 with 16 frames, https://github.com/1adrianb/video-transformers (README.md)
    xvit_ssv2='checkpoints/xvit_b16_16_ss2.pth',
    # https://huggingface.co/timm/eva02_base_patch16_clip_224.merged2b
    eva='checkpoints/eva02_base_patch16_clip_224.merged2b.safetensors',
    # ViT-B of https://github.com/ruiwang2021/mvd; its files use VideoMAE's layout
    mvd='checkpoints/mvd_vit-base-p16.pth',
    # AST trained on AudioSet, https://github.com/YuanGongND/ast (its README lists the addresses)
    ast='checkpoints/audioset_10_10_0.4593.pth')
